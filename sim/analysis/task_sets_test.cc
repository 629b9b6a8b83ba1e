#include "sim/analysis/task_sets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "sim/analysis/utilisations.h"
#include "sim/property.h"

namespace candor::sim::analysis {
namespace {

constexpr TaskSetShape kShape{.vms = 4, .tasks = 22, .utilisation = 3.1, .most_utilisation = 0.8};

std::vector<Task> all_tasks(const TaskSet& set) {
  std::vector<Task> result;
  for (const Vm& vm : set.vms) result.insert(result.end(), vm.tasks.begin(), vm.tasks.end());
  return result;
}

ShapeError error_of(const TaskSetShape& shape) {
  return random_task_set(shape, Random(1)).error();
}

TEST(Utilisations, SumIsExactAndBoundsHold) {
  check_property("utilisations", [] {
    const auto count = between(1u, 200u);
    const double least = between(0, 40) / 100.0;
    const double most = between(41, 101) / 100.0;
    const double total = count * (least + (most - least) * between(0, 1001) / 1000.0);
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    const auto drawn = random_utilisations(random, count, total, least, most);
    RC_ASSERT(drawn.size() == count);
    RC_ASSERT(std::abs(std::accumulate(drawn.begin(), drawn.end(), 0.0) - total) < 1e-9);
    for (const double u : drawn) RC_ASSERT(least <= u && u <= most);
  });
}

TEST(Utilisations, NothingWhereThereIsNone) {
  Random random(1);
  EXPECT_TRUE(random_utilisations(random, 0, 0, 0, 1).empty());
  EXPECT_TRUE(random_utilisations(random, 3, 3.1, 0, 1).empty());
  EXPECT_TRUE(random_utilisations(random, 3, 0.2, 0.1, 1).empty());
  EXPECT_TRUE(random_utilisations(random, 3, std::nan(""), 0, 1).empty());
  EXPECT_EQ(random_utilisations(random, 2, 0.5, 0.25, 0.25), (std::vector<double>{0.25, 0.25}));
}

// Without an upper bound that matters the distribution is Dirichlet's with all parameters 1.
TEST(Utilisations, AreUniformOnTheSimplex) {
  constexpr int kSets = 40'000;
  constexpr std::uint32_t kCount = 3;
  Random random(1);
  std::vector<double> mean(kCount), square(kCount);
  for (int i = 0; i < kSets; ++i) {
    const auto drawn = random_utilisations(random, kCount, 1, 0, 1);
    for (std::uint32_t j = 0; j < kCount; ++j) {
      mean[j] += drawn[j] / kSets;
      square[j] += drawn[j] * drawn[j] / kSets;
    }
  }
  for (std::uint32_t j = 0; j < kCount; ++j) {
    EXPECT_NEAR(mean[j], 1.0 / 3, 0.005);
    EXPECT_NEAR(square[j] - mean[j] * mean[j], 1.0 / 18, 0.001);
  }
}

// Where the bound matters: the same moments as vectors that are drawn from the cube and kept if they satisfy
// it.
TEST(Utilisations, AreUniformWithinTheirBound) {
  constexpr std::uint32_t kCount = 4;
  constexpr double kTotal = 2.3;
  constexpr int kSets = 40'000;
  Random random(1);
  const auto moments = [&](auto draw) {
    std::vector<double> sums(2 * kCount + 1);
    for (int i = 0; i < kSets; ++i) {
      const std::vector<double> drawn = draw();
      for (std::uint32_t j = 0; j < kCount; ++j) {
        sums[j] += drawn[j] / kSets;
        sums[kCount + j] += drawn[j] * drawn[j] / kSets;
      }
      sums[2 * kCount] += *std::max_element(drawn.begin(), drawn.end()) / kSets;
    }
    return sums;
  };
  const auto by_algorithm = moments([&] { return random_utilisations(random, kCount, kTotal, 0, 1); });
  const auto by_rejection = moments([&] {
    for (;;) {
      std::vector<double> drawn{random.unit(), random.unit(), random.unit(), 0};
      drawn[3] = kTotal - drawn[0] - drawn[1] - drawn[2];
      if (0 <= drawn[3] && drawn[3] <= 1) return drawn;
    }
  });
  for (std::size_t i = 0; i < by_algorithm.size(); ++i)
    EXPECT_NEAR(by_algorithm[i], by_rejection[i], 0.008) << i;
}

TEST(TaskSets, HaveTheShapeAskedFor) {
  check_property("task sets", [] {
    TaskSetShape shape{.vms = between(1u, 9u)};
    shape.tasks = shape.vms * between(1u, 9u) + between(0u, shape.vms);
    shape.utilisation = shape.tasks * between(5, 80) / 100.0;
    shape.least_deadline = *rc::gen::element(0.0, 0.5, 1.0);
    const Random random(*rc::gen::arbitrary<std::uint64_t>());
    const auto set = random_task_set(shape, random);
    RC_ASSERT(set.ok());
    RC_ASSERT(set->vms.size() == shape.vms);
    for (const Vm& vm : set->vms) {
      RC_ASSERT(vm.tasks.size() >= shape.tasks / shape.vms);
      RC_ASSERT(vm.tasks.size() <= shape.tasks / shape.vms + 1);
    }
    const std::vector<Task> tasks = all_tasks(*set);
    RC_ASSERT(tasks.size() == shape.tasks);
    for (const Task& task : tasks) {
      RC_ASSERT(valid(task));
      RC_ASSERT(kHyperperiod.ns % task.period.ns == 0);
      if (shape.least_deadline == 1) RC_ASSERT(task.relative_deadline == task.period);
      const Duration least =
          task.work + Duration{static_cast<std::int64_t>(shape.least_deadline *
                                                         static_cast<double>((task.period - task.work).ns))};
      RC_ASSERT(task.relative_deadline >= least);
    }
    RC_ASSERT(std::abs(utilisation(tasks) - shape.utilisation) <= 1e-6 * shape.tasks);
  });
}

TEST(TaskSets, PeriodsAreLogUniform) {
  int short_ones = 0;
  int count = 0;
  std::set<std::int64_t> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    for (const Task& task : all_tasks(*random_task_set(kShape, Random(seed)))) {
      // Half of the nearest to 10 ms lies below it.
      short_ones += task.period < milliseconds(10) ? 2 : task.period == milliseconds(10) ? 1 : 0;
      seen.insert(task.period.ns);
      ++count;
    }
  }
  EXPECT_NEAR(short_ones / 2.0 / count, 0.5, 0.03);
  EXPECT_EQ(seen.size(), random_periods().size());
}

TEST(TaskSets, PeriodsAreCloseToEachOther) {
  const auto periods = random_periods();
  EXPECT_EQ(periods.front(), milliseconds(1));
  EXPECT_EQ(periods.back(), milliseconds(100));
  for (std::size_t i = 1; i < periods.size(); ++i) EXPECT_LE(periods[i].ns * 4, periods[i - 1].ns * 5);
}

TEST(TaskSets, ASeedKeepsItsPeriodsWhenUtilisationGrows) {
  TaskSetShape more = kShape;
  more.utilisation = 3.9;
  const auto one = all_tasks(*random_task_set(kShape, Random(5)));
  const auto other = all_tasks(*random_task_set(more, Random(5)));
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].period, other[i].period);
}

TEST(TaskSets, ErrorsAreNamed) {
  TaskSetShape shape = kShape;
  shape.vms = 23;
  EXPECT_EQ(error_of(shape), ShapeError::kTasks);
  EXPECT_EQ(error_of({.vms = 0, .tasks = 0}), ShapeError::kTasks);
  shape = kShape;
  shape.utilisation = 17.7;
  EXPECT_EQ(error_of(shape), ShapeError::kUtilisation);
  shape = kShape;
  shape.most_utilisation = 1.01;
  EXPECT_EQ(error_of(shape), ShapeError::kUtilisation);
  shape = kShape;
  shape.shortest_period = milliseconds(101);
  EXPECT_EQ(error_of(shape), ShapeError::kPeriods);
  shape = kShape;
  shape.longest_period = microseconds(999);
  EXPECT_EQ(error_of(shape), ShapeError::kPeriods);
  shape = kShape;
  shape.least_deadline = 1.1;
  EXPECT_EQ(error_of(shape), ShapeError::kDeadline);
}

TEST(TaskSets, AreTheSameOnEveryMachine) {
  const TaskSetShape shape{.vms = 2, .tasks = 4, .utilisation = 1.5, .least_deadline = 0.5};
  std::vector<std::vector<std::int64_t>> drawn;
  for (const Task& task : all_tasks(*random_task_set(shape, Random(2026))))
    drawn.push_back({task.period.ns, task.work.ns, task.relative_deadline.ns});
  const std::vector<std::vector<std::int64_t>> expected{{20'000'000, 6'608'890, 16'359'400},
                                                        {1'600'000, 735'153, 1'511'285},
                                                        {12'000'000, 6'724'753, 9'999'435},
                                                        {2'500'000, 374'222, 1'605'574}};
  EXPECT_EQ(drawn, expected);
}

}  // namespace
}  // namespace candor::sim::analysis
