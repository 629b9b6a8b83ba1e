// Admission: which claims may hold ranks at the same time.
//
//  A1  Per VM: sum of budget / period <= its bandwidth; fixed priority <= its
//      ceiling; it has at least one real-time vCPU.
//  A2  Per processor: sum of budget / period <= kProcessorLimitPpm.
//  A3  Deadline claims, where a relative deadline is shorter than the period:
//      the processor-demand test. In any interval of length t, the jobs that
//      are released and due in it need at most kProcessorLimit * t.
//  A4  Fixed claims: response-time analysis under all deadline claims and the
//      fixed ones of the same or a higher priority, on a processor of
//      kProcessorLimit speed; the response is at most the relative deadline.
//      A busy interval of a level starts with no work of that level or above
//      pending, so every job that can interfere was released within it: the
//      bound holds whatever the order among the interferers.
//  A5  Nothing is admitted that a test cannot decide within its step limit.
//
// Why 85 %: interrupts take 3 to 4 % of a processor, and near 95 % the host
// kernel's own guard against real-time overload takes the processor away for
// 50 ms at a time, after which earliest deadline first collapses. In trials 83
// and 86 % held, 90 and 93 % did not. Blocking by locks is not yet a term of
// the tests: guests' critical sections count within their budgets.
#pragma once

#include <span>

#include "sched/types.h"

namespace candor::sched {

inline constexpr std::uint32_t kProcessorLimitPpm = 850'000;

/// The terms a request stands for, or CANDOR_REFUSED_INVALID. Any input.
Result<Terms, candor_refusal> check_request(const ClaimRequest& request);

/// True if all these claims can share one processor (A2 to A5). Order does not matter.
[[nodiscard]] bool processor_holds(std::span<const Terms> claims);

/// Why entitlements do not fit a host.
enum class Misfit {
  kNone,
  kSum,      // together more than all processors give
  kVm,       // one VM asks more than its real-time vCPUs can carry
  kPacking,  // the sum would fit but the parts do not fit whole processors
};

/// Sums in millionths of one processor.
struct FitReport {
  Misfit misfit = Misfit::kNone;
  std::uint32_t vm = kNone;     // index of the VM that does not fit: kVm and kPacking
  std::uint64_t sum_ppm = 0;    // of all VMs' reserves
  std::uint64_t limit_ppm = 0;  // what `processors` hold; for kVm: what that VM's vCPUs can carry
  [[nodiscard]] bool fits() const { return misfit == Misfit::kNone; }
};

/// Do the reserves of these VMs fit on `processors` processors? Usable before
/// anything runs. Each VM's reserve is taken in equal parts, one for each of
/// its real-time vCPUs, and packed largest first (ties: lower index).
FitReport entitlements_fit(std::span<const Entitlement> vms, std::uint32_t processors);

}  // namespace candor::sched
