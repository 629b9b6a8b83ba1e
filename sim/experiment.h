// All runs of a scenario: which there are, and what they come to together.
#pragma once

#include <functional>

#include "sim/result.h"
#include "sim/run.h"
#include "sim/scenario.h"

namespace candor::sim {

using RunFunction = std::function<RunResult(const Workload&, Policy, const RunOptions&)>;

/// Numbers its runs from 0. They may be run in any order, on any threads: the result does not depend on it.
class Experiment {
 public:
  /// `scenario` must outlive it; `run` is called by whichever thread calls run().
  Experiment(const Scenario& scenario, RunFunction run);

  [[nodiscard]] std::size_t size() const { return result_.points.size() * scenario_.runs; }

  /// Depends on the scenario and the number only. Several at once, beside one add(), are fine.
  [[nodiscard]] RunResult run(std::size_t number) const;

  /// Each number once; one call at a time. `wall_s` is how long it took.
  void add(std::size_t number, RunResult result, double wall_s);

  /// Once all are added: points by processors, policy and load, as the scenario lists them.
  [[nodiscard]] ScenarioResult take() { return std::move(result_); }

 private:
  /// A point's runs, until all of them are there.
  struct Pending {
    Policy policy = Policy::kComposite;
    std::uint32_t processors = 0;
    std::size_t load = 0;  // index
    std::uint32_t left = 0;
    std::vector<RunResult> runs;
  };
  void merge(Point& point, Pending& pending) const;

  const Scenario& scenario_;
  RunFunction run_;
  ScenarioResult result_;
  std::vector<Pending> pending_;  // for each of result_.points
};

/// Adds up runs: sets and VMs of the same name become one.
void add(RunResult& sum, const RunResult& run);

}  // namespace candor::sim
