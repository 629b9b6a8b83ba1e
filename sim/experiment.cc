#include "sim/experiment.h"

#include <algorithm>

#include "sim/expand.h"

namespace candor::sim {
namespace {

void add(SetResult& sum, const SetResult& set) {
  sum.threads += set.threads;
  sum.jobs += set.jobs;
  sum.misses += set.misses;
  sum.refused += set.refused;
  sum.work += set.work;
  sum.response.add(set.response);
  sum.wakeup.add(set.wakeup);
  sum.longest_gap = std::max(sum.longest_gap, set.longest_gap);
}

void add(VmResult& sum, const VmResult& vm) {
  sum.work += vm.work;
}

/// Runs of a point list theirs in the same order, as a rule: then the place is at hand.
template <typename T>
void add_by_name(std::vector<T>& sum, const std::vector<T>& run, std::string T::*name) {
  for (std::size_t i = 0; i < run.size(); ++i) {
    const auto is_it = [&](const T& element) { return element.*name == run[i].*name; };
    const auto found = i < sum.size() && is_it(sum[i]) ? sum.begin() + static_cast<std::ptrdiff_t>(i)
                                                       : std::find_if(sum.begin(), sum.end(), is_it);
    if (found != sum.end())
      add(*found, run[i]);
    else
      sum.push_back(run[i]);
  }
}

}  // namespace

void add(RunResult& sum, const RunResult& run) {
  if (sum.duration == Duration{}) {
    sum = run;
    return;
  }
  add_by_name(sum.sets, run.sets, &SetResult::set);
  add_by_name(sum.vms, run.vms, &VmResult::name);
  sum.duration += run.duration;
  sum.events += run.events;
  sum.switches += run.switches;
  sum.migrations += run.migrations;
  sum.preemptions += run.preemptions;
  sum.harmful += run.harmful;
  sum.decisions += run.decisions;
  sum.rank_changes += run.rank_changes;
  sum.overhead += run.overhead;
  sum.idle += run.idle;
}

Experiment::Experiment(const Scenario& scenario, RunFunction run)
    : scenario_(scenario), run_(std::move(run)) {
  result_.name = scenario.name;
  result_.title = scenario.title;
  result_.seed = scenario.seed;
  if (scenario.axis) {
    result_.axis = scenario.axis->name;
    result_.labels = scenario.axis->labels;
  }
  const std::vector<double> loads = scenario.loads();
  for (const std::uint32_t processors : scenario.processors)
    for (const Policy policy : scenario.policies)
      for (std::size_t load = 0; load < loads.size(); ++load) {
        Point point;
        point.policy = policy;
        point.processors = processors;
        point.load = loads[load];
        point.runs = scenario.runs;
        result_.points.push_back(std::move(point));
        pending_.push_back(
            {.policy = policy, .processors = processors, .load = load, .left = scenario.runs, .runs = {}});
      }
}

RunResult Experiment::run(std::size_t number) const {
  const Pending& point = pending_[number / scenario_.runs];
  const auto index = static_cast<std::uint32_t>(number % scenario_.runs);
  const std::uint64_t seed = seed_of(scenario_, point.processors, point.load, index);
  return run_(workload_at(scenario_, point.processors, point.load, seed), point.policy,
              {.duration = scenario_.duration, .seed = seed, .until_miss = scenario_.until_miss});
}

void Experiment::add(std::size_t number, RunResult result, double wall_s) {
  Point& point = result_.points[number / scenario_.runs];
  Pending& pending = pending_[number / scenario_.runs];
  point.wall_s += wall_s;
  pending.runs.resize(scenario_.runs);
  pending.runs[number % scenario_.runs] = std::move(result);
  if (--pending.left == 0) merge(point, pending);
}

void Experiment::merge(Point& point, Pending& pending) const {
  for (const RunResult& run : pending.runs) {
    point.met += run.realtime_misses() == 0;
    point.refused +=
        std::any_of(run.sets.begin(), run.sets.end(), [](const SetResult& s) { return s.refused > 0; });
    sim::add(point.sum, run);
  }
  if (scenario_.random) point.sum.vms.clear();  // those of different task sets have only names in common
  pending.runs = {};
}

}  // namespace candor::sim
