// What is simulated: a machine, VMs on it, and what their threads do. Plain data,
// made by scenario files (scenario.h) and by generators (analysis/task_sets.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "abi/candor.h"
#include "base/time.h"

namespace candor::sim {

/// When a thread's jobs are released.
enum class Arrival {
  kAlways,    // never: it computes all the time, or goes round its steps
  kPeriodic,  // every period, on an absolute grid
  kSporadic,  // a period or more apart: the pause beyond it is exponential, `spread` on average
  kBursty,    // `burst` jobs at once, every `burst` periods: the same rate as periodic
  kTrace,     // as `trace` says, and never again after its end
  kRelative,  // a period after the last release; at once where the job before was over later than that
};

/// What a job, or a round of an Arrival::kAlways thread, does one after the other.
struct Step {
  enum class Kind {
    kCompute,  // `time` of processor time
    kLock,     // takes lock `target` of the VM; the guest's mutex inherits priority where the guest is aware
    kUnlock,
    kWake,   // adds one to the wake-ups of thread `target` of the VM
    kWait,   // takes one wake-up of its own, and blocks until there is one
    kSleep,  // blocks for `time`
    kEnd,    // the job is over, and the next one goes on with the step after it; not for Arrival::kAlways
  };
  Kind kind = Kind::kCompute;
  Duration time{};
  std::uint32_t target = 0;
};

/// How a guest lies to its host about a thread (aware guests only).
enum class Lie {
  kNone,
  kUrgent,      // every job is due at once, and never over
  kFlapping,    // says ready and blocked in turn, as often as it can
  kImpossible,  // deadlines in the past, and numbers near 2^64
  kOverrun,     // computes on when its budget is used up
};

/// One job of Arrival::kTrace.
struct TraceJob {
  Duration release;  // since the start of the run; not before the job above
  Duration work;     // processor time, > 0
};

struct ThreadSpec {
  std::string name;
  std::string set;  // results of threads of one set are added up; empty: the name
  candor_class cls = CANDOR_CLASS_FAIR;
  std::uint32_t priority = 0;  // fixed: 1 to 99, higher is more urgent
  Arrival arrival = Arrival::kAlways;
  Duration period;    // of releases, and of the reserve; > 0 but for kAlways, and kTrace if not real-time
  Duration deadline;  // relative; 0: the period
  Duration work;  // processor time of a job or round where there are no steps; 0 with kAlways: without end
  double shortest = 1;      // of work: each job takes between this part of it and all of it, uniformly
  Duration budget;          // of the claim, in each period; 0: the work, or what the steps compute
  Duration blocking{-1};    // of the claim; negative: what follows from the steps (blocking.h)
  Duration offset{-1};      // of the first release; negative: random within a period
  Duration spread;          // kSporadic
  std::uint32_t burst = 1;  // kBursty
  std::vector<Step> steps;  // instead of work
  std::shared_ptr<const std::vector<TraceJob>> trace;  // kTrace, instead of work; shared by all such threads
  Lie lie = Lie::kNone;
};

constexpr bool realtime(const ThreadSpec& thread) {
  return thread.cls == CANDOR_CLASS_DEADLINE || thread.cls == CANDOR_CLASS_FIXED;
}

/// Processor time that the thread's claim has in each period: its budget, or else the longest of its jobs. 0
/// if neither is said. O(steps).
inline Duration claimed(const ThreadSpec& thread) {
  if (thread.budget > Duration{}) return thread.budget;
  Duration most = thread.work, job;
  for (const Step& step : thread.steps) {
    if (step.kind == Step::Kind::kEnd) job = {};
    if (step.kind != Step::Kind::kCompute) continue;
    job += step.time;
    if (job > most) most = job;
  }
  return most;
}

struct VmSpec {
  std::string name;
  std::uint32_t weight = 100;
  std::uint32_t vcpus = 1;           // fair ones; all of them where the guest is unaware
  std::uint32_t realtime_vcpus = 0;  // besides, where the guest is aware
  double bandwidth = 0;  // most of its claims together, in processors; 0: what its real-time threads need
  std::uint32_t max_priority = 99;
  std::vector<ThreadSpec> threads;  // at most CANDOR_MAX_THREADS
};

/// What the machine takes for itself. Defaults are round figures of the right order, not measured;
/// docs/simulator.md compares with a real host.
struct Costs {
  Duration context_switch = microseconds(2);  // of a processor, from one vCPU to another
  Duration wake_up = microseconds(3);         // from a timer or a wake-up to the vCPU's being ready
  Duration guest_switch = nanoseconds(200);   // from one thread to another on a vCPU
  Duration decision = microseconds(8);  // of the composite scheduler for one ring: wake-up, reading, deciding
  Duration rank_change = microseconds(2);  // a system call of it
};

struct MachineSpec {
  std::uint32_t processors = 1;
  Costs costs;
  Duration slice = milliseconds(3);  // of the host's fair class
  // The host kernel gives fair threads this much of each second where real-time ones would starve them; 0: it
  // does not.
  Duration fair_server = milliseconds(50);
  // A hypervisor below takes each processor away for this long, `stolen_every` apart on average
  // (exponential); the host counts it as run time of what was running. 0: there is none.
  Duration stolen{};
  Duration stolen_every = seconds(1);
};

struct Workload {
  MachineSpec machine;
  std::vector<VmSpec> vms;
};

/// Who schedules. docs/simulator.md says which configuration of each rival this is, and why.
enum class Policy {
  kComposite,        // Candor: the code of sched/, ranks imposed on the host kernel's classes
  kFair,             // the host kernel's fair class, blind to guests
  kCredit2,          // Xen's
  kRtdsGlobal,       // Xen's RTDS, global earliest deadline first
  kRtdsPartitioned,  // the same with pinned vCPUs
  kStaticFifo,       // SCHED_FIFO, VMs in rate-monotonic order
  kStaticDeadline,   // SCHED_DEADLINE servers
};

inline constexpr Policy kPolicies[] = {
    Policy::kComposite,       Policy::kFair,       Policy::kCredit2,       Policy::kRtdsGlobal,
    Policy::kRtdsPartitioned, Policy::kStaticFifo, Policy::kStaticDeadline};

/// As in scenario files and tables: "composite", "fair", "credit2", "rtds-global", "rtds-partitioned",
/// "static-fifo", "static-deadline".
const char* to_string(Policy policy);

}  // namespace candor::sim
