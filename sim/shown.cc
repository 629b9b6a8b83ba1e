#include "sim/shown.h"

#include <algorithm>

namespace candor::sim {
namespace {

std::vector<std::string> sets_of(const ScenarioResult& result) {
  std::vector<std::string> sets;
  for (const Point& point : result.points)
    for (const SetResult& set : point.sum.sets)
      if (std::find(sets.begin(), sets.end(), set.set) == sets.end()) sets.push_back(set.set);
  return sets;
}

std::vector<Shown> suitable(const Scenario& scenario) {
  std::vector<Shown> all;
  const auto add = [&all](Measure measure) { all.emplace_back().measure = measure; };
  if (scenario.random) {
    add(Measure::kMet);
  } else {
    for (const Measure measure :
         {Measure::kMisses, Measure::kResponseMax, Measure::kWakeupMax, Measure::kGap, Measure::kWork})
      add(measure);
  }
  return all;
}

bool anywhere(const Shown& shown, const ScenarioResult& result) {
  return std::any_of(result.points.begin(), result.points.end(),
                     [&shown](const Point& point) { return value_of(shown, point).has_value(); });
}

}  // namespace

std::vector<Shown> shown_of(const Scenario& scenario, const ScenarioResult& result) {
  std::vector<Shown> all;
  const std::vector<std::string> sets = sets_of(result);
  for (const Shown& wanted : scenario.shown.empty() ? suitable(scenario) : scenario.shown) {
    const MeasureInfo& measure = info(wanted.measure);
    Shown shown = wanted;
    if (shown.title.empty()) shown.title = measure.title;
    if (!measure.of_set || !shown.set.empty()) {
      all.push_back(shown);
      continue;
    }
    for (const std::string& set : sets) {
      shown.set = set;
      if (anywhere(shown, result)) all.push_back(shown);
    }
  }
  return all;
}

std::optional<double> value_of(const Shown& shown, const Point& point) {
  return value_of(shown.measure, point, find_set(point, shown.set));
}

std::vector<const Point*> series_of(const ScenarioResult& result, std::uint32_t processors, Policy policy) {
  std::vector<const Point*> series;
  for (const Point& point : result.points)
    if (point.processors == processors && point.policy == policy) series.push_back(&point);
  return series;
}

std::string load_text(const ScenarioResult& result, double load) {
  return result.labels.empty() ? readable(load) : result.labels[static_cast<std::size_t>(load)];
}

}  // namespace candor::sim
