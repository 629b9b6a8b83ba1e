// The vocabulary of the composite scheduler. Everything that comes from a
// guest enters as the raw integers the guest wrote; check_request() and
// time_of() are where they become values that arithmetic can trust.
#pragma once

#include <cstdint>

#include "abi/candor.h"
#include "base/result.h"
#include "base/time.h"

namespace candor::sched {

using VmId = std::uint32_t;

inline constexpr std::uint32_t kNone = ~0u;

/// What a Scheduler can hold at most; memory for it is taken at the start. The defaults are candord's.
struct Capacity {
  std::uint32_t vms = 256;
  std::uint32_t claims = 512;
  std::uint32_t processors = 64;
};

/// With more vCPUs that carry claims than this none is moved to make room for another claim.
inline constexpr std::uint32_t kMostPacked = 128;

/// Times at or beyond this count as "never". Everything earlier can take two
/// of the longest periods more without overflowing.
inline constexpr std::int64_t kFarNs = std::int64_t{1} << 62;

/// Shorter periods cost more processor time in decisions than they are worth;
/// longer ones are not real-time work and would only widen the arithmetic.
inline constexpr Duration kMinPeriod = microseconds(500);
inline constexpr Duration kMaxPeriod = seconds(60);

/// What the administrator grants a VM. No claim ever exceeds it.
struct Entitlement {
  std::uint32_t weight = 100;        // share of its fair vCPUs; 100 is ordinary
  std::uint32_t bandwidth_ppm = 0;   // sum of its reserves, millionths of one processor
  std::uint32_t max_priority = 0;    // ceiling of fixed priorities, 1 to 99; 0: no fixed claims
  std::uint32_t fair_vcpus = 1;      // vCPUs 0 .. fair_vcpus - 1
  std::uint32_t realtime_vcpus = 0;  // the vCPUs after them
};

/// A claim as the guest wrote it.
struct ClaimRequest {
  std::uint32_t cls = CANDOR_CLASS_NONE;  // enum candor_class
  std::uint32_t priority = 0;             // of fixed claims, 1 to 99
  std::uint64_t budget_ns = 0;
  std::uint64_t period_ns = 0;
  std::uint64_t relative_deadline_ns = 0;  // 0: the period
  std::uint64_t blocking_ns = 0;
};

/// A claim that does not contradict itself:
/// 0 < budget <= relative_deadline <= period, period in [kMinPeriod, kMaxPeriod],
/// 0 <= blocking <= relative_deadline - budget.
struct Terms {
  candor_class cls = CANDOR_CLASS_NONE;  // deadline or fixed
  std::uint32_t priority = 0;            // fixed: 1 to 99; deadline: 0
  Duration budget;
  Duration period;
  Duration relative_deadline;
  /// For how long less urgent threads of its VM may keep a job waiting, all in all, once in each job.
  Duration blocking{};
  Duration limit{};  // what a job may use before it is overdrawn; ProcessorModel::bound()

  /// What each job may hold a processor up for at its rank: what it does, and what others do
  /// in its place while it waits for them. At most relative_deadline.
  [[nodiscard]] constexpr Duration reserve() const { return budget + blocking; }

  bool operator==(const Terms&) const = default;
};

/// What a processor holds, and what its host takes of it. The defaults suit hosts that are VMs themselves:
/// interrupts take 3 to 4 % of a processor, and of what is left jobs that take longer than they should must
/// be able to have a tenth (docs/decisions/0007). In trials 83 and 86 % of work held there, 90 and 93 % did
/// not.
struct ProcessorModel {
  /// Reserves of all claims together: budgets and blocking.
  std::uint32_t limit_ppm = 850'000;
  /// The same with what each job may use beside its budget, and what it costs. Near 95 % the host kernel
  /// takes the processor away from real-time work for 50 ms at a time, after which earliest
  /// deadline first collapses.
  std::uint32_t ceiling_ppm = 950'000;
  /// How far consumption may pass the reserve before a claim is overdrawn: this part of it, and not less than
  /// this time. It is for what is charged to a job though the guest did not do it: the interrupt and context
  /// switch at each activation (27 to 54 us measured on a slow machine), and in proportion what a
  /// hypervisor below takes of the processor.
  std::uint32_t tolerance_ppm = 100'000;
  Duration least_tolerance = nanoseconds(CANDOR_OFTEN_JOB_NS);
  /// What a job costs its processor besides what is charged to it: interrupt, switches, a look at its budget.
  Duration job_overhead = microseconds(30);

  [[nodiscard]] constexpr Duration limit_of(Duration reserve) const {
    const Duration part{reserve.ns / 1'000'000 * tolerance_ppm +
                        reserve.ns % 1'000'000 * tolerance_ppm / 1'000'000};
    return reserve + (part < least_tolerance ? least_tolerance : part);
  }
  [[nodiscard]] constexpr Terms bound(Terms terms) const {
    terms.limit = limit_of(terms.reserve());
    return terms;
  }
};

/// A thread's current job, or its next one while it waits, as the guest wrote it.
struct JobReport {
  std::uint32_t state = CANDOR_THREAD_ABSENT;  // enum candor_thread_state; others count as blocked
  std::uint64_t release_ns = CANDOR_NO_TIME;
  std::uint64_t deadline_ns = CANDOR_NO_TIME;  // CANDOR_NO_TIME: none
  std::uint64_t expected_ns = 0;               // 0: unknown
  std::uint64_t job = 0;
};

/// The answer to a claim.
struct Answer {
  candor_claim_status status = CANDOR_CLAIM_NONE;
  candor_refusal reason = CANDOR_REFUSED_NOT;
  std::uint32_t vcpu = kNone;       // when admitted
  std::uint32_t processor = kNone;  // when admitted; index into the configured processors
  std::uint32_t fits_ppm = 0;       // when refused for bandwidth or processor: what utilisation would fit
};

/// A guest's time: exact below kFarNs, never() from there on.
constexpr Time time_of(std::uint64_t ns) {
  return ns >= static_cast<std::uint64_t>(kFarNs) ? Time::never() : Time{static_cast<std::int64_t>(ns)};
}

/// Utilisation in millionths, rounded up so that sums never understate.
/// Precondition: 0 <= part <= whole <= kMaxPeriod, whole > 0.
constexpr std::uint32_t ppm_of(Duration part, Duration whole) {
  return static_cast<std::uint32_t>((part.ns * 1'000'000 + whole.ns - 1) / whole.ns);
}

}  // namespace candor::sched
