#include "sim/analysis/periodic_resource.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/analysis/edf_reference.h"
#include "sim/analysis/task_sets.h"
#include "sim/property.h"

namespace candor::sim::analysis {
namespace {

constexpr Duration kGranule = microseconds(10);

std::vector<Task> one_vm(std::uint64_t seed, std::uint32_t tasks, double total, double least_deadline) {
  const TaskSetShape shape{.tasks = tasks, .utilisation = total, .least_deadline = least_deadline};
  return random_task_set(shape, Random(seed))->vms.front().tasks;
}

// The least that any interval of length t gets, if time is whole nanoseconds and each period gets its budget
// as one piece anywhere: by trying two neighbouring pieces' places and all beginnings.
std::int64_t supply_by_search(std::int64_t period, std::int64_t budget, std::int64_t t) {
  // Early in the first period, late in all that follow.
  const auto on = [&](std::int64_t at) { return at < period ? at < budget : at % period >= period - budget; };
  std::int64_t least = t;
  for (std::int64_t from = 0; from < 2 * period; ++from) {
    std::int64_t sum = 0;
    for (std::int64_t at = from; at < from + t; ++at) sum += on(at) ? 1 : 0;
    least = std::min(least, sum);
  }
  return least;
}

// By hand: after an early budget of 3 in a period of 5 nothing for 4, then 3 in 5.
TEST(Supply, OfThreeInFive) {
  const PeriodicResource resource{{5}, {3}};
  constexpr std::int64_t kExpected[] = {0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 4, 5, 6, 6, 6, 7};
  for (std::int64_t t = 0; t < std::ssize(kExpected); ++t)
    EXPECT_EQ(supply(resource, {t}).ns, kExpected[t]) << t;
}

TEST(Supply, OfAWholeProcessorAndOfNothing) {
  for (std::int64_t t = 0; t < 30; ++t) {
    EXPECT_EQ(supply({{7}, {7}}, {t}).ns, t);
    EXPECT_EQ(supply({{7}, {0}}, {t}).ns, 0);
  }
}

TEST(Supply, IsTheLeastOfAllIntervalsAndAboveItsLinearBound) {
  check_property("supply", [] {
    const auto period = between<std::int64_t>(1, 20);
    const auto budget = between<std::int64_t>(0, period + 1);
    const auto t = between<std::int64_t>(0, 100);
    const PeriodicResource resource{{period}, {budget}};
    RC_ASSERT(supply(resource, {t}).ns == supply_by_search(period, budget, t));
    RC_ASSERT(linear_supply(resource, {t}) <= static_cast<double>(supply(resource, {t}).ns) + 1e-9);
  });
}

// Tasks (50, 7) and (75, 9) every 10: the demand of 39 by 150 has 14 whole budgets behind it, so 39/14
// = 2.786; all other deadlines need less.
TEST(SmallestBudget, ByHand) {
  const std::vector<Task> tasks{{milliseconds(50), milliseconds(7), milliseconds(50)},
                                {milliseconds(75), milliseconds(9), milliseconds(75)}};
  EXPECT_EQ(smallest_budget(EdfDemand(tasks), 0, milliseconds(10), microseconds(1)), microseconds(2786));
  EXPECT_EQ(smallest_budget(EdfDemand(tasks), 0, milliseconds(10), microseconds(100)), microseconds(2800));
}

TEST(SmallestBudget, OfOneTaskWithAPeriodOfItsOwn) {
  // A period as long as the task's deadline can begin with twice the gap: only a whole processor will do
  // unless work is half.
  const std::vector<Task> tasks{{milliseconds(10), milliseconds(2), milliseconds(10)}};
  // Within 10 ms: 2 gaps of 10 - b, and b left over: 2 (10 - b) + 2 = 10, b = 6.
  EXPECT_EQ(smallest_budget(EdfDemand(tasks), 0, milliseconds(10), microseconds(1)), milliseconds(6));
}

TEST(SmallestBudget, IsNothingForMoreThanAProcessor) {
  const std::vector<Task> tasks{{milliseconds(10), milliseconds(6), milliseconds(10)},
                                {milliseconds(10), milliseconds(5), milliseconds(10)}};
  EXPECT_FALSE(smallest_budget(EdfDemand(tasks), 0, milliseconds(1), microseconds(1)));
  const std::vector<Task> tight{{milliseconds(10), milliseconds(2), milliseconds(3)},
                                {milliseconds(10), milliseconds(2), milliseconds(3)}};
  EXPECT_FALSE(smallest_budget(EdfDemand(tight), 0, milliseconds(1), microseconds(1)));
}

TEST(SmallestBudget, OfAFullProcessorIsThePeriod) {
  const std::vector<Task> tasks{{milliseconds(10), milliseconds(5), milliseconds(10)},
                                {milliseconds(6), milliseconds(3), milliseconds(6)}};
  EXPECT_EQ(smallest_budget(EdfDemand(tasks), 0, milliseconds(4), microseconds(1)), milliseconds(4));
}

TEST(SmallestBudget, SufficesAndLessDoesNot) {
  int found = 0;
  check_property("smallest budget", [&] {
    const double total = between(5, 95) / 100.0;
    const auto tasks =
        one_vm(*rc::gen::arbitrary<std::uint64_t>(), between(1u, 8u), total, *rc::gen::element(0.3, 1.0));
    const Duration period = microseconds(between(5, 100) * 100);
    const EdfDemand demand(tasks);
    const auto budget = smallest_budget(demand, 0, period, kGranule);
    if (!budget) return;
    ++found;
    const PeriodicResource resource{period, *budget};
    RC_ASSERT(resource.bandwidth() >= utilisation(tasks) - kRounding);
    RC_ASSERT(!first_miss(tasks, 0, resource, kHyperperiod * 2));
    const PeriodicResource less{period, *budget - kGranule};
    if (less.bandwidth() < utilisation(tasks)) return;
    bool fails = false;
    for (Duration t = demand.first_corner(); t < kFarthestLook && !fails; t = demand.next_corner(t))
      fails = supply(less, t) < demand.at(t);
    RC_ASSERT(fails);
    RC_ASSERT(first_miss(tasks, 0, less, kFarthestLook).has_value());
  });
  EXPECT_GT(found, 50) << "the property was hardly exercised";
}

// With a granule of a millisecond and small multiples of it, every budget and every length of interval can be
// tried.
TEST(SmallestBudget, IsWhatTryingAllFinds) {
  int found = 0;
  check_property("smallest global budget", [&] {
    std::vector<Task> tasks;
    for (int i = between(1, 6); i > 0; --i) {
      const auto period = between<std::int64_t>(10, 60);
      const auto work = between<std::int64_t>(1, period / 2);
      const auto deadline = between<std::int64_t>(work, period + 1);
      tasks.push_back({milliseconds(period), milliseconds(work), milliseconds(deadline)});
    }
    const auto full = between(0u, 3u);
    const GlobalEdfDemand demand(tasks, between<std::size_t>(0, tasks.size()), full + 1);
    const Duration period = milliseconds(between(1, 15));
    std::optional<Duration> expected;
    for (Duration budget; budget <= period && !expected; budget += milliseconds(1)) {
      const PeriodicResource resource{period, budget};
      const double surplus = full + resource.bandwidth() - demand.rate();
      const double lost = 2 * resource.bandwidth() * static_cast<double>((period - budget).ns);
      bool holds = surplus * static_cast<double>(kFarthestLook.ns) >= demand.burst() + lost;
      for (Duration t = demand.first_corner(); t <= kFarthestLook && holds; t += milliseconds(1))
        holds = demand.at(t) <= Duration{t.ns * full} + supply(resource, t);
      if (holds) expected = budget;
    }
    RC_ASSERT(smallest_budget(demand, full, period, milliseconds(1)) == expected);
    found += expected ? 1 : 0;
  });
  EXPECT_GT(found, 20) << "the property was hardly exercised";
}

}  // namespace
}  // namespace candor::sim::analysis
