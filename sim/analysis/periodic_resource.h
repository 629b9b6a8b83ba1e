// The periodic resource model: what a server supplies at least, and the smallest that meets a demand.
//
// I. Shin, I. Lee, "Periodic Resource Model for Compositional Real-Time Guarantees", RTSS 2003;
// "Compositional Real-Time Scheduling Framework with Periodic Model", ACM TECS 7(3), 2008.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/analysis/demand.h"

namespace candor::sim::analysis {

/// In every period `budget` is supplied, at any time within it. 0 <= budget <= period, period > 0.
struct PeriodicResource {
  Duration period;
  Duration budget;

  bool operator==(const PeriodicResource&) const = default;
  [[nodiscard]] double bandwidth() const {
    return static_cast<double>(budget.ns) / static_cast<double>(period.ns);
  }
};

/// The supply bound function: what is supplied in the worst interval of length `t`, one that begins when the
/// budget was used up as early as possible, after which it comes as late as possible. Exact.
Duration supply(const PeriodicResource& resource, Duration t);

/// The linear bound below it, in ns: bandwidth * (t - 2 (period - budget)), at least 0.
double linear_supply(const PeriodicResource& resource, Duration t);

/// No demand is looked at further than this. A bandwidth so close to the demand's rate that it would have to
/// be is not considered: the answer is then larger than it need be, never smaller.
inline constexpr Duration kFarthestLook = seconds(10);

/// The smallest budget, between `least` and `period` and a multiple of `granule`, such that `full` processors
/// and a periodic resource together supply at least `demand` in intervals of any length. Nothing if there is
/// none. 0 < granule <= period <= kLongestPeriod.
std::optional<Duration> smallest_budget(const DemandCurve& demand, std::uint32_t full, Duration period,
                                        Duration granule, Duration least = {});

}  // namespace candor::sim::analysis
