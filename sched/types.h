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
};

/// A claim that does not contradict itself:
/// 0 < budget <= relative_deadline <= period, period in [kMinPeriod, kMaxPeriod].
struct Terms {
  candor_class cls = CANDOR_CLASS_NONE;  // deadline or fixed
  std::uint32_t priority = 0;            // fixed: 1 to 99; deadline: 0
  Duration budget;
  Duration period;
  Duration relative_deadline;

  bool operator==(const Terms&) const = default;
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
