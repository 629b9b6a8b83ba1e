// What one job of a real-time thread takes from its processor besides what the host kernel charges to that
// thread: the interrupt that wakes it, the switches, and candord's look at its end. Admission holds it
// against each job (sched::ProcessorModel::job_overhead), so it is measured where the jobs will run.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "base/time.h"

namespace candor::host {

/// What is measured is brought into this range, what is configured must lie in it. No processor known to us
/// does a wake-up for less than the first. At the second, a claim of 1 ms pays a fifth of a processor for
/// being woken: a measurement that says more was disturbed, and admission must not refuse everything for it.
inline constexpr Duration kLeastJobOverhead = microseconds(5);
inline constexpr Duration kMostJobOverhead = microseconds(200);

/// Of this, whole ones: what is measured varies by a microsecond or two from run to run.
inline constexpr Duration kJobOverheadStep = microseconds(5);

/// One activation, as the thread that it interrupted sees it.
struct ActivationSample {
  Duration lost;     // by the interrupted thread, in one piece
  Duration charged;  // by the host kernel to the activated thread, meanwhile
};

struct JobCost {
  Duration activation;  // of a thread by its timer, less what is charged to it
  Duration look;        // by candord, all of it: none is charged to a claim
  /// What a job costs besides its budget: both, rounded up to whole kJobOverheadStep so that answers seldom
  /// differ from run to run, in [kLeastJobOverhead, kMostJobOverhead].
  [[nodiscard]] Duration overhead() const;
};

/// With fewer samples of a kind than this there is no result.
inline constexpr std::size_t kLeastSamples = 8;

/// `plain`: activations that do nothing; `looks`: activations that do what a look does. Medians: what
/// comes from elsewhere (other interrupts, ordinary threads, a hypervisor below) makes single samples
/// many times too long and would carry a mean or a maximum with it, but half of them it does not reach. What
/// it takes from jobs is not theirs to pay either: ProcessorModel's ceiling and tolerance are for that.
/// Nothing if there are too few samples.
std::optional<JobCost> job_cost_of(std::span<const ActivationSample> plain,
                                   std::span<const ActivationSample> looks);

/// How long measure_job_cost() measures at most; usually it takes half of it. Before that its threads wait
/// for their ranks, as ordinary ones: milliseconds on a busy host. It goes on for longer only if real-time
/// threads of others keep the processor.
inline constexpr Duration kMeasureLimit = milliseconds(20);

/// Measures on `processor` (host number), with a thread of SCHED_FIFO priority `level`, 2 to 99, that is
/// awake for some microseconds in every 250 and gone when this returns. The calling thread is the one that is
/// interrupted: it spins on that processor with priority 1 meanwhile, no longer than the limit by its own
/// clock. It must be an ordinary one, and is so afterwards, with the affinity and nice value that it had.
/// Context: no real-time thread of ours runs yet on the processor, or it would be measured too.
/// Error: errno of what was refused; EPERM or the like: a rank. ETIME: too few samples within kMeasureLimit.
Result<JobCost, int> measure_job_cost(int processor, int level);

}  // namespace candor::host
