#include "sim/analysis/periodic_resource.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace candor::sim::analysis {
namespace {

Duration rounded_up(Duration d, Duration granule) {
  return granule * ((d.ns + granule.ns - 1) / granule.ns);
}

// From this length of interval on, in ns, the linear bounds show that the supply suffices. `rate` is what the
// resource has to supply of the demand's.
double horizon(double rate, double burst, const PeriodicResource& resource) {
  const double lost = 2 * resource.bandwidth() * static_cast<double>((resource.period - resource.budget).ns);
  const double missing = burst + lost;
  if (missing <= 0) return 0;
  const double surplus = resource.bandwidth() - rate;
  return surplus < kRounding ? std::numeric_limits<double>::infinity() : missing / surplus;
}

}  // namespace

Duration supply(const PeriodicResource& resource, Duration t) {
  const Duration gap = resource.period - resource.budget;
  if (t <= gap) return {};
  const std::int64_t whole = (t - gap).ns / resource.period.ns;
  const Duration partial = t - gap * 2 - resource.period * whole;
  return resource.budget * whole + std::max(partial, Duration{});
}

double linear_supply(const PeriodicResource& resource, Duration t) {
  const Duration gap = resource.period - resource.budget;
  return std::max(0.0, resource.bandwidth() * static_cast<double>((t - gap * 2).ns));
}

// Supply rises by `full` or full + 1 in each ns, demand between two corners by a whole number that does not
// fall: at first supply gains on it, and then no more. So demand minus supply is largest at a corner. A
// budget that was raised supplies more at the corners that lie behind, too.
std::optional<Duration> smallest_budget(const DemandCurve& demand, std::uint32_t full, Duration period,
                                        Duration granule, Duration least) {
  const double rate = demand.rate() - full;
  const double burst = demand.burst();
  const double by_rate = std::ceil((rate - kRounding) * static_cast<double>(period.ns));
  if (by_rate > static_cast<double>(period.ns)) return {};
  const Duration start = std::max({least, Duration{static_cast<std::int64_t>(by_rate)}, Duration{}});
  PeriodicResource resource{period, rounded_up(start, granule)};
  const double limit = static_cast<double>(kFarthestLook.ns);
  while (resource.budget < period && horizon(rate, burst, resource) > limit) resource.budget += granule;
  if (period < resource.budget) return {};

  const auto suffices = [&](Duration t, Duration budget) {
    return demand.at(t) <= Duration{t.ns * full} + supply({period, budget}, t);
  };
  for (Duration t = demand.first_corner(); static_cast<double>(t.ns) <= horizon(rate, burst, resource);
       t = demand.next_corner(t)) {
    if (kFarthestLook < t) return {};
    if (suffices(t, resource.budget)) continue;
    std::int64_t too_small = resource.budget.ns / granule.ns;
    std::int64_t enough = period.ns / granule.ns;
    if (!suffices(t, granule * enough)) return {};
    while (enough - too_small > 1) {
      const std::int64_t middle = too_small + (enough - too_small) / 2;
      (suffices(t, granule * middle) ? enough : too_small) = middle;
    }
    resource.budget = granule * enough;
  }
  return resource.budget;
}

}  // namespace candor::sim::analysis
