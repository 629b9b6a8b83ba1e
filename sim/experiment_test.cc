#include "sim/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "sim/expand.h"

namespace candor::sim {
namespace {

using testing::ElementsAre;

/// Times that follow from the arguments alone, as a run's do.
RunResult fake_run(const Workload& workload, Policy policy, const RunOptions& options) {
  RunResult result;
  result.duration = options.duration;
  for (const VmSpec& vm : workload.vms) {
    result.vms.push_back({.name = vm.name, .weight = vm.weight, .work = microseconds(vm.vcpus)});
    for (const ThreadSpec& thread : vm.threads) {
      SetResult set;
      set.set = thread.set;
      set.cls = thread.cls;
      set.jobs = options.seed % 100;
      set.misses = options.seed % 3 == 0 ? static_cast<std::uint64_t>(policy) : 0;
      set.response.add(Duration{static_cast<std::int64_t>(options.seed % 1'000'000)});
      if (result.sets.empty() || result.sets.back().set != set.set) result.sets.push_back(set);
    }
  }
  result.events = options.seed % 1000;
  return result;
}

Scenario a_scenario() {
  Scenario scenario;
  scenario.name = "test";
  scenario.seed = 7;
  scenario.runs = 5;
  scenario.duration = seconds(1);
  scenario.processors = {1, 4};
  scenario.policies = {Policy::kComposite, Policy::kFair};
  scenario.axis = Axis{.name = "load", .values = {2, 3}, .labels = {}};
  VmKind kind;
  kind.count = {.times = 1, .by_load = true, .by_processors = false};
  kind.vcpus = {.times = 1, .by_load = false, .by_processors = true};
  kind.vm.name = "vm";
  ThreadKind thread;
  thread.thread.name = "job";
  thread.thread.set = "jobs";
  thread.thread.cls = CANDOR_CLASS_DEADLINE;
  kind.threads.push_back(thread);
  scenario.vms.push_back(kind);
  return scenario;
}

ScenarioResult run_in_order(const Scenario& scenario, const std::vector<std::size_t>& order) {
  Experiment experiment(scenario, fake_run);
  for (const std::size_t number : order) experiment.add(number, experiment.run(number), 0.5);
  return experiment.take();
}

std::vector<std::size_t> numbers(const Scenario& scenario) {
  std::vector<std::size_t> all(Experiment(scenario, fake_run).size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

TEST(Experiment, PointsAreByProcessorsPolicyAndLoad) {
  const Scenario scenario = a_scenario();
  const ScenarioResult result = run_in_order(scenario, numbers(scenario));
  ASSERT_EQ(result.points.size(), 8U);
  EXPECT_EQ(result.points[0].policy, Policy::kComposite);
  EXPECT_EQ(result.points[1].load, 3);
  EXPECT_EQ(result.points[2].policy, Policy::kFair);
  EXPECT_EQ(result.points[4].processors, 4U);
  EXPECT_EQ(result.axis, "load");
  for (const Point& point : result.points) {
    EXPECT_EQ(point.runs, 5U);
    EXPECT_EQ(point.wall_s, 2.5);
    EXPECT_EQ(point.sum.duration, seconds(5));
  }
}

TEST(Experiment, TheOrderInWhichRunsEndDoesNotMatter) {
  const Scenario scenario = a_scenario();
  std::vector<std::size_t> order = numbers(scenario);
  const ScenarioResult one = run_in_order(scenario, order);
  std::mt19937 random(1);
  std::shuffle(order.begin(), order.end(), random);
  const ScenarioResult other = run_in_order(scenario, order);
  for (std::size_t i = 0; i < one.points.size(); ++i) {
    const Point &a = one.points[i], &b = other.points[i];
    EXPECT_EQ(a.met, b.met);
    EXPECT_EQ(a.sum.events, b.sum.events);
    ASSERT_EQ(a.sum.sets.size(), b.sum.sets.size());
    EXPECT_EQ(a.sum.sets[0].jobs, b.sum.sets[0].jobs);
    EXPECT_EQ(a.sum.sets[0].response.quantile(0.5), b.sum.sets[0].response.quantile(0.5));
  }
}

TEST(Experiment, ARunWithoutMissIsMetAndMissesAreAddedUp) {
  const Scenario scenario = a_scenario();
  const ScenarioResult result = run_in_order(scenario, numbers(scenario));
  for (const Point& point : result.points) {
    const std::uint64_t misses = point.sum.sets.at(0).misses;
    if (point.policy == Policy::kComposite) {
      EXPECT_EQ(point.met, 5U);
      EXPECT_EQ(misses, 0U);
    } else {
      EXPECT_EQ(5 - point.met, misses) << "one in each run that has any";
    }
  }
}

TEST(Experiment, AllPoliciesGetTheSameSeedAndEachRunItsOwn) {
  const Scenario scenario = a_scenario();
  std::set<std::uint64_t> seeds;
  const auto count = [&](std::size_t number) {
    std::uint64_t seed = 0;
    Experiment probe(scenario, [&](const Workload&, Policy, const RunOptions& o) {
      seed = o.seed;
      return RunResult{};
    });
    static_cast<void>(probe.run(number));
    return seed;
  };
  EXPECT_EQ(count(0), count(10)) << "composite and fair";
  EXPECT_NE(count(0), count(1)) << "two runs";
  EXPECT_NE(count(0), count(20)) << "1 and 4 processors";
  EXPECT_EQ(count(0), count(5)) << "two loads: what differs is what the axis changes";
}

TEST(Experiment, RandomSetsHaveSeedsOfTheirOwnAtEachLoad) {
  Scenario scenario = a_scenario();
  scenario.random = RandomSets{};
  EXPECT_NE(seed_of(scenario, 1, 0, 0), seed_of(scenario, 1, 1, 0));
}

TEST(Experiment, SetsOfTheSameNameBecomeOne) {
  RunResult sum, one, other;
  one.duration = other.duration = seconds(1);
  one.sets.resize(2);
  one.sets[0].set = "a";
  one.sets[1].set = "b";
  one.sets[1].longest_gap = milliseconds(3);
  other.sets.resize(2);
  other.sets[0].set = "b";
  other.sets[0].longest_gap = milliseconds(5);
  other.sets[0].jobs = 4;
  other.sets[1].set = "c";
  add(sum, one);
  add(sum, other);
  ASSERT_EQ(sum.sets.size(), 3U);
  EXPECT_EQ(sum.sets[1].jobs, 4U);
  EXPECT_EQ(sum.sets[1].longest_gap, milliseconds(5)) << "the longest, not the sum";
  EXPECT_EQ(sum.sets[2].set, "c");
}

TEST(Expand, CountsGrowAndNamesAreNumbered) {
  const Workload workload = workload_at(a_scenario(), 4, 1, 0);
  EXPECT_EQ(workload.machine.processors, 4U);
  ASSERT_EQ(workload.vms.size(), 3U);
  EXPECT_EQ(workload.vms[2].name, "vm-3");
  EXPECT_EQ(workload.vms[2].vcpus, 4U);
  EXPECT_EQ(workload.vms[2].threads[0].name, "job");
  EXPECT_EQ(workload.vms[2].realtime_vcpus, 1U) << "one for each real-time thread";
}

TEST(Expand, ThreadsOfTwoKindsWakeEachOtherInPairs) {
  Scenario scenario = a_scenario();
  VmKind& kind = scenario.vms[0];
  kind.threads.resize(2);
  kind.threads[0].count.times = 2;
  kind.threads[1].count.times = 3;
  for (std::uint32_t k = 0; k < 2; ++k)
    kind.threads[k].thread.steps = {{.kind = Step::Kind::kWake, .time = {}, .target = 1 - k}};
  const VmSpec vm = workload_at(scenario, 1, 0, 0).vms.at(0);
  std::vector<std::uint32_t> targets;
  for (const ThreadSpec& thread : vm.threads) targets.push_back(thread.steps.at(0).target);
  EXPECT_THAT(targets, ElementsAre(2, 3, 0, 1, 0)) << "threads 0 and 1 are of the first kind";
}

TEST(Expand, VmsMayBeAtSomeLoadsOnly) {
  Scenario scenario = a_scenario();
  scenario.vms[0].only = {1};
  EXPECT_TRUE(workload_at(scenario, 1, 0, 0).vms.empty());
  EXPECT_EQ(workload_at(scenario, 1, 1, 0).vms.size(), 3U);
}

TEST(Expand, RandomSetsUseWhatTheyShould) {
  Scenario scenario = a_scenario();
  scenario.random = RandomSets{};
  scenario.random->utilisation.times = 0.5;
  scenario.random->vms = {.times = 2, .by_load = false, .by_processors = true};
  scenario.random->tasks.times = 20;
  scenario.vms.clear();
  const Workload workload = workload_at(scenario, 4, 0, 99);
  EXPECT_EQ(workload.vms.size(), 8U);
  double sum = 0;
  std::size_t tasks = 0;
  for (const VmSpec& vm : workload.vms)
    for (const ThreadSpec& thread : vm.threads) {
      sum += static_cast<double>(thread.work.ns) / static_cast<double>(thread.period.ns);
      ++tasks;
    }
  EXPECT_EQ(tasks, 20U);
  EXPECT_NEAR(sum, 2, 1e-4);
}

}  // namespace
}  // namespace candor::sim
