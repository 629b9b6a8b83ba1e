#include "sim/analysis/demand.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "sim/property.h"

namespace candor::sim::analysis {
namespace {

Task task_ns(std::int64_t period, std::int64_t work, std::int64_t deadline) {
  return {{period}, {work}, {deadline}};
}

std::vector<Task> small_tasks(std::size_t most) {
  const auto one = rc::gen::apply(
      [](std::int64_t period, int part, int cut) {
        const std::int64_t work = std::max<std::int64_t>(1, period * part / 100);
        return task_ns(period, work, work + (period - work) * cut / 100);
      },
      rc::gen::inRange<std::int64_t>(3, 40), rc::gen::inRange(1, 70), rc::gen::inRange(0, 101));
  return *rc::gen::container<std::vector<Task>>(between<std::size_t>(1, most + 1), one);
}

// The formula of Shin, Easwaran and Lee as it is printed, for one length.
std::int64_t demand_as_printed(const std::vector<Task>& tasks, std::size_t k, std::int64_t m,
                               std::int64_t t) {
  std::int64_t sum = m * tasks[k].work.ns;
  std::vector<std::int64_t> differences;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto [period, work, deadline] = tasks[i];
    const std::int64_t n = (t + period.ns - deadline.ns) / period.ns;
    const std::int64_t w = n * work.ns;
    const std::int64_t carry = std::min(work.ns, std::max<std::int64_t>(0, t - n * period.ns));
    const std::int64_t own = i == k ? work.ns : 0;
    const std::int64_t cap = i == k ? t - deadline.ns : t - tasks[k].work.ns;
    const std::int64_t hat = std::min(w - own, cap);
    const std::int64_t bar = std::min(w + carry - own, cap);
    sum += hat;
    differences.push_back(bar - hat);
  }
  std::sort(differences.begin(), differences.end(), std::greater<>());
  for (std::int64_t i = 0; i < m - 1 && i < std::ssize(differences); ++i)
    sum += differences[static_cast<std::size_t>(i)];
  return sum;
}

TEST(EdfDemand, IsTheWorkOfJobsReleasedAndDueWithin) {
  const std::vector<Task> tasks{task_ns(50, 7, 50), task_ns(75, 9, 60)};
  const EdfDemand demand(tasks);
  EXPECT_EQ(demand.first_corner().ns, 50);
  EXPECT_EQ(demand.at({49}).ns, 0);
  EXPECT_EQ(demand.at({50}).ns, 7);
  EXPECT_EQ(demand.at({59}).ns, 7);
  EXPECT_EQ(demand.at({60}).ns, 16);
  EXPECT_EQ(demand.at({135}).ns, 2 * 7 + 2 * 9);
  EXPECT_EQ(demand.next_corner({60}).ns, 100);
  EXPECT_EQ(demand.next_corner({100}).ns, 135);
}

// All that is promised of a curve, at every nanosecond.
void check_curve(const DemandCurve& demand) {
  std::int64_t corner = demand.first_corner().ns;
  for (std::int64_t t = corner; t < 400; ++t) {
    if (t == corner) corner = demand.next_corner({t}).ns;
    RC_ASSERT(t < corner);
    const std::int64_t here = demand.at({t}).ns;
    const std::int64_t next = demand.at({t + 1}).ns;
    RC_ASSERT(here <= next);
    RC_ASSERT(static_cast<double>(here) <= demand.rate() * static_cast<double>(t) + demand.burst() + 1e-6);
    if (t + 2 < corner) RC_ASSERT(demand.at({t + 2}).ns - next >= next - here);
  }
}

TEST(EdfDemand, KeepsWhatACurvePromises) {
  check_property("EDF demand", [] {
    const std::vector<Task> tasks = small_tasks(5);
    check_curve(EdfDemand(tasks));
  });
}

TEST(GlobalEdfDemand, KeepsWhatACurvePromisesAndFollowsTheFormula) {
  check_property("global EDF demand", [] {
    const std::vector<Task> tasks = small_tasks(5);
    const auto k = between<std::size_t>(0, tasks.size());
    const auto processors = between(1u, 5u);
    const GlobalEdfDemand demand(tasks, k, processors);
    check_curve(demand);
    for (std::int64_t t = demand.first_corner().ns; t < 400; ++t)
      RC_ASSERT(demand.at({t}).ns == demand_as_printed(tasks, k, processors, t));
  });
}

// Condition 8 with hand-computed numbers: two processors, the third task is delayed by the other two.
TEST(GlobalEdfDemand, OfThreeTasksOnTwoProcessors) {
  const std::vector<Task> tasks{task_ns(10, 6, 10), task_ns(10, 6, 10), task_ns(12, 6, 12)};
  const GlobalEdfDemand demand(tasks, 2, 2);
  // At its deadline: each of the others 6 for a job and 2 carried in, at most 12 - 6; one may carry in; twice
  // its own 6.
  EXPECT_EQ(demand.at({12}).ns, 6 + 6 + 0 + 12);
  // 8 later: two jobs each, limited by 20 - 6, the later of which is due at 20; its own earlier job lies
  // outside, but for 6 of it.
  EXPECT_EQ(demand.at({20}).ns, 12 + 12 + 0 + 6 + 12);
}

}  // namespace
}  // namespace candor::sim::analysis
