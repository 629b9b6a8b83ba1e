#include "bench/native_control.h"

#include <gtest/gtest.h>
#include <sched.h>

namespace candor::bench {
namespace {

TEST(NativeControl, PercentileIsTheNearestRank) {
  std::vector<std::int64_t> values = {30, 10, 20, 40};
  EXPECT_EQ(percentile(values, 50), 20);
  EXPECT_EQ(percentile(values, 99), 40);
  EXPECT_EQ(percentile(values, 100), 40);
  EXPECT_EQ(percentile(values, 0), 10);
  std::vector<std::int64_t> none;
  EXPECT_EQ(percentile(none, 99), 0);
}

TEST(NativeControl, ShorterPeriodsHaveHigherPriorities) {
  const auto of = [](const std::vector<std::int64_t>& periods_ms) {
    std::vector<ControlThread> threads;
    threads.reserve(periods_ms.size());
    for (const std::int64_t ms : periods_ms) threads.push_back({"g", milliseconds(ms), milliseconds(ms / 4)});
    return rate_monotonic(threads);
  };
  EXPECT_EQ(of({5, 0, 16, 1}), (std::vector<int>{49, 0, 48, 50}));
  EXPECT_EQ(of({5, 5}), (std::vector<int>{50, 49}));
}

/// Every release of the run is a job or was skipped, and batch threads get what is left.
TEST(NativeControl, EveryReleaseIsAccountedFor) {
  ControlPlan plan;
  plan.processor = sched_getcpu();
  plan.duration = milliseconds(500);
  plan.threads = {{"a", milliseconds(5), milliseconds(1)}, {"a"}, {"b"}};
  auto result = run_control(plan);
  if (!result) GTEST_SKIP() << "needs ranks: " << result.error();
  const ControlThreadResult& periodic = result->threads[0];
  EXPECT_EQ(periodic.jobs + periodic.skipped, 100u);
  EXPECT_EQ(periodic.latencies_ns.size(), periodic.jobs);
  for (const ControlThreadResult& thread : result->threads) {
    EXPECT_GT(thread.work_units, 0u);
    EXPECT_FALSE(thread.wrong_result);
  }
}

}  // namespace
}  // namespace candor::bench
