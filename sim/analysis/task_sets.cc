#include "sim/analysis/task_sets.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/analysis/utilisations.h"

namespace candor::sim::analysis {
namespace {

constexpr std::int64_t kStepNs = microseconds(100).ns;

constexpr auto kPeriods = [] {
  std::array<Duration, 33> periods{};
  std::size_t count = 0;
  for (Duration p = milliseconds(1); p <= milliseconds(100); p += Duration{kStepNs})
    if (kHyperperiod.ns % p.ns == 0) periods.at(count++) = p;
  return count == periods.size() ? periods : throw "another number of periods";
}();

// The nearest of `periods` by ratio: logarithms keep their distribution.
Duration nearest(std::span<const Duration> periods, Duration drawn) {
  const auto above = std::lower_bound(periods.begin(), periods.end(), drawn);
  if (above == periods.begin()) return periods.front();
  if (above == periods.end()) return periods.back();
  const Duration below = *(above - 1);
  return drawn.ns * drawn.ns < below.ns * above->ns ? below : *above;
}

std::span<const Duration> periods_in(Duration shortest, Duration longest) {
  const auto first = std::lower_bound(kPeriods.begin(), kPeriods.end(), shortest);
  const auto last = std::upper_bound(first, kPeriods.end(), longest);
  return {first, last};
}

Duration work_of(double utilisation, Duration period) {
  const double work = utilisation * static_cast<double>(period.ns);
  return {std::clamp<std::int64_t>(std::llround(work), 1, period.ns)};
}

}  // namespace

std::span<const Duration> random_periods() {
  return kPeriods;
}

Result<TaskSet, ShapeError> random_task_set(const TaskSetShape& shape, const Random& random) {
  if (shape.vms == 0 || shape.tasks < shape.vms) return Error{ShapeError::kTasks};
  if (!(shape.most_utilisation <= 1)) return Error{ShapeError::kUtilisation};
  if (!(0 <= shape.least_deadline && shape.least_deadline <= 1)) return Error{ShapeError::kDeadline};
  const auto allowed = periods_in(shape.shortest_period, shape.longest_period);
  if (allowed.empty()) return Error{ShapeError::kPeriods};
  Random shares = random.stream("utilisations");
  Random periods = random.stream("periods");
  Random deadlines = random.stream("deadlines");
  const std::vector<double> drawn = random_utilisations(shares, shape.tasks, shape.utilisation,
                                                        shape.least_utilisation, shape.most_utilisation);
  if (drawn.empty()) return Error{ShapeError::kUtilisation};

  TaskSet set;
  set.vms.resize(shape.vms);
  for (std::uint32_t i = 0; i < shape.tasks; ++i) {
    Task task;
    task.period = nearest(allowed, periods.log_uniform(allowed.front(), allowed.back()));
    task.work = work_of(drawn[i], task.period);
    const double slack = static_cast<double>((task.period - task.work).ns);
    const Duration least = task.work + Duration{static_cast<std::int64_t>(shape.least_deadline * slack)};
    task.relative_deadline = shape.least_deadline == 1 ? task.period : deadlines.uniform(least, task.period);
    // All positions are alike, so any grouping by position is a random one.
    set.vms[i % shape.vms].tasks.push_back(task);
  }
  return set;
}

}  // namespace candor::sim::analysis
