#include "sched/slack.h"

#include <algorithm>
#include <limits>

namespace candor::sched {

Duration slack(std::span<Demand> demands, Time now, Time deadline, const ProcessorModel& model) {
  std::sort(demands.begin(), demands.end(),
            [](const Demand& a, const Demand& b) { return a.deadline < b.deadline; });
  // In millionths of a nanosecond. What is used by time t after now: left + rate * t - before,
  // `before` being what the rates would have given before their claims' deadlines.
  using Wide = __int128;
  constexpr Wide kWhole = 1'000'000;
  Wide left = 0, rate = 0, before = 0;
  Wide least = Wide{std::numeric_limits<std::int64_t>::max()} * kWhole;
  for (const Demand& d : demands) {
    const Wide t = (d.deadline - now).ns;
    if (d.left.ns > 0) left += Wide{(d.left + model.job_overhead).ns} * kWhole;
    if (d.deadline >= deadline) least = std::min(least, t * model.ceiling_ppm - (left + rate * t - before));
    const Wide ppm = ppm_of(d.limit + model.job_overhead, d.period);
    rate += ppm;
    before += ppm * t;
  }
  return Duration{static_cast<std::int64_t>(std::max(least, Wide{0}) / kWhole)};
}

}  // namespace candor::sched
