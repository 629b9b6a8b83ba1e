// Admission: which claims may hold ranks at the same time.
//
//  A1  Per VM: sum of reserve / period <= its bandwidth, a reserve being budget + blocking (A7);
//      fixed priority <= its ceiling; it has at least one real-time vCPU.
//  A2  Per processor: sum of reserve / period <= limit of the model; and the sum
//      of use / period <= its ceiling, use being what a job may use before it is
//      overdrawn, blocking included, and what it costs besides.
//  A3  Deadline claims, where a relative deadline is shorter than the period:
//      the processor-demand test (Baruah, Rosier and Howell 1990). In any interval of length t, the jobs that
//      are released and due in it use at most ceiling * t. Where no deadline is shorter, A2 says the same.
//  A4  Fixed claims: response-time analysis (Joseph and Pandya 1986) under all deadline claims and the
//      fixed ones of the same or a higher priority, by their use, on
//      a processor as fast as the ceiling; the response is at most the relative
//      deadline. A busy interval of a level starts with no work of that level or above pending, so every job
//      that can interfere was released within it: the bound holds whatever the order among the interferers.
//  A5  Nothing is admitted that a test cannot decide within its step limit.
//  A6  In a VM's bandwidth no job counts for less than what it costs.
//  A7  Blocking counts in each job, as a part of its use, in the tests of all claims that the job delays.
//
// Why in each job. A job that waits for a lock lends its rank to the holder, a less urgent thread of its VM:
// another claim, or a fair thread. Either the holder runs on this processor at that rank; then all that is
// ordered behind the job waits, as if the job itself ran. Or it runs elsewhere, and the job is suspended;
// counting that as use is safe under earliest deadline first and under fixed priorities, as at any moment of
// a busy interval a job's use or its blocking goes on. The largest blocking once in an interval (Baruah 2006)
// is enough where a ceiling lets one thread alone into critical sections and that cannot enter another before
// the interval ends. Here the claims are of VMs that share no locks, each VM may have many holders, and those
// on other processors take their locks again meanwhile: so jobs of several claims, and several jobs of one,
// are blocked in the same interval. For guests that say no more than this bound, the tests are exact,
// but for fixed claims of equal priority (docs/decisions/0012).
//
// Not counted: what a holder takes from the claims of another processor than that of the claim that waits
// for it (docs/caveats.md).
#pragma once

#include <span>

#include "sched/server.h"
#include "sched/types.h"

namespace candor::sched {

/// What all iterations of one question may take together, a step being a look at one claim, a few
/// nanoseconds. They converge in tens of rounds for task sets people write; the bound keeps a guest
/// from buying the host's time with odd ones.
inline constexpr std::int64_t kMaxSteps = 200'000;

/// What a claim takes of its VM's bandwidth, in millionths of one processor (docs/abi.md §6). Blocking counts
/// like the budget: threads of this VM use it, at a rank. Where jobs come often, the least tolerance is a
/// part of what the claim gets that counts.
constexpr std::uint32_t bandwidth_of(const Terms& terms) {
  constexpr Duration kLeastJob = nanoseconds(CANDOR_LEAST_JOB_NS);
  const Duration counted = terms.reserve() < kLeastJob ? kLeastJob : terms.reserve();
  const bool often = terms.period < nanoseconds(CANDOR_OFTEN_PERIOD_NS);
  return ppm_of(often ? counted + nanoseconds(CANDOR_OFTEN_JOB_NS) : counted, terms.period);
}

/// The terms a request stands for, bounded by the model, or CANDOR_REFUSED_INVALID: where they are not as
/// Terms says. Any input.
Result<Terms, candor_refusal> check_request(const ClaimRequest& request, const ProcessorModel& model = {});

/// True if all these claims can share one processor (A2 to A5, A7). Order does not matter.
/// `steps`, where given, receives how many steps the tests took, at most kMaxSteps and a round over all
/// claims (A5).
[[nodiscard]] bool processor_holds(std::span<const Terms> claims, const ProcessorModel& model = {},
                                   std::int64_t* steps = nullptr);

/// Why entitlements do not fit a host.
enum class Misfit {
  kNothing,
  kSum,      // together more than all processors give
  kVm,       // one VM asks more than its real-time vCPUs can carry
  kPacking,  // the sum would fit but the parts do not fit whole processors
};

/// Sums in millionths of one processor.
struct FitReport {
  Misfit misfit = Misfit::kNothing;
  std::uint32_t vm = kNone;     // index of the VM that does not fit: kVm and kPacking
  std::uint64_t sum_ppm = 0;    // of all VMs' reserves
  std::uint64_t limit_ppm = 0;  // what `processors` hold; for kVm: what that VM's vCPUs can carry
  [[nodiscard]] bool fits() const { return misfit == Misfit::kNothing; }
};

/// Do the reserves of these VMs fit on `processors` processors? Usable before
/// anything runs. Each VM's reserve is taken in equal parts, one for each of
/// its real-time vCPUs, and packed largest first (ties: lower index).
FitReport entitlements_fit(std::span<const Entitlement> vms, std::uint32_t processors,
                           const ProcessorModel& model = {});

}  // namespace candor::sched
