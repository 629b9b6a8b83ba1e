#include "cli/sim_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/measure.h"

namespace candor::cli {
namespace {

using Json = nlohmann::ordered_json;
using sim::Point;

// A list of ten thousand VMs serves nobody.
constexpr std::size_t kVmsListed = 100;

double us_of(Duration time) {
  return static_cast<double>(time.ns) / 1e3;
}

Json quantiles(const sim::SetResult& set, const sim::Histogram& times) {
  if (!has_jobs(set)) return nullptr;
  const auto us = [](std::optional<Duration> time) { return time ? Json(us_of(*time)) : Json(nullptr); };
  const auto at = [&](double part) { return us(quantile(set, times, part)); };
  return {{"p50", at(0.5)},
          {"p90", at(0.9)},
          {"p99", at(0.99)},
          {"p999", at(0.999)},
          {"max", us(longest(set, times))}};
}

const char* class_name(candor_class cls) {
  switch (cls) {
    case CANDOR_CLASS_DEADLINE:
      return "deadline";
    case CANDOR_CLASS_FIXED:
      return "fixed";
    case CANDOR_CLASS_BACKGROUND:
      return "background";
    default:
      return "fair";
  }
}

Json set_json(const sim::SetResult& set) {
  return {{"set", set.set},
          {"class", class_name(set.cls)},
          {"threads", set.threads},
          {"jobs", set.jobs},
          {"misses", set.misses},
          {"refused", set.refused},
          {"work_us", us_of(set.work)},
          {"response_us", quantiles(set, set.response)},
          {"wakeup_us", quantiles(set, set.wakeup)},
          {"longest_delay_us", us_of(set.longest_gap)}};
}

Json counters(const sim::RunResult& sum) {
  return {{"events", sum.events},
          {"switches", sum.switches},
          {"migrations", sum.migrations},
          {"preemptions", sum.preemptions},
          {"harmful_preemptions", sum.harmful},
          {"decisions", sum.decisions},
          {"rank_changes", sum.rank_changes},
          {"overhead_us", us_of(sum.overhead)},
          {"idle_us", us_of(sum.idle)}};
}

Json point_json(const sim::ScenarioResult& result, const Point& point, bool cost) {
  Json object = {{"processors", point.processors}, {"policy", to_string(point.policy)}};
  if (!result.axis.empty()) object["load"] = point.load;
  if (!result.labels.empty()) object["label"] = result.labels[static_cast<std::size_t>(point.load)];
  object["runs"] = point.runs;
  object["met"] = point.met;
  object["met_fraction"] = point.runs > 0 ? static_cast<double>(point.met) / point.runs : 0;
  object["refused"] = point.refused;
  object["duration_s"] = static_cast<double>(point.sum.duration.ns) / 1e9;
  if (cost) object["wall_s"] = point.wall_s;
  object["sets"] = Json::array();
  for (const sim::SetResult& set : point.sum.sets) object["sets"].push_back(set_json(set));
  if (point.sum.vms.size() <= kVmsListed) {
    object["vms"] = Json::array();
    for (const sim::VmResult& vm : point.sum.vms)
      object["vms"].push_back({{"name", vm.name}, {"weight", vm.weight}, {"work_us", us_of(vm.work)}});
  }
  object["counters"] = counters(point.sum);
  return object;
}

}  // namespace

std::string sim_json(const sim::Scenario& scenario, const sim::ScenarioResult& result) {
  const bool cost = std::any_of(scenario.shown.begin(), scenario.shown.end(),
                                [](const sim::Shown& s) { return s.measure == sim::Measure::kCost; });
  Json points = Json::array();
  for (const Point& point : result.points) points.push_back(point_json(result, point, cost));
  const Json root = {{"name", result.name},
                     {"title", result.title},
                     {"axis", result.axis},
                     {"seed", result.seed},
                     {"duration_s", static_cast<double>(scenario.duration.ns) / 1e9},
                     {"points", points}};
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace candor::cli
