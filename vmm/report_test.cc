#include "vmm/report.h"

#include <gtest/gtest.h>

#include <cstring>

namespace candor::vmm {
namespace {

/// The bucket of a latency, by docs/abi.md §9.
unsigned bucket_of(std::uint64_t ns) {
  if (ns < 64) return static_cast<unsigned>(ns);
  const unsigned e = 63 - static_cast<unsigned>(__builtin_clzll(ns));
  return 32 * (e - 5) + static_cast<unsigned>(ns >> (e - 5));
}

TEST(Report, QuantilesLieWithinTheWidthOfABucket) {
  for (const std::uint64_t ns : {1ull, 63ull, 64ull, 1'000ull, 37'123ull, 4'000'000ull, 900'000'000ull}) {
    candor_thread_stats stats = {};
    stats.latency[bucket_of(ns)] = 10;
    EXPECT_NEAR(latency_quantile(stats, 0.5), static_cast<double>(ns), static_cast<double>(ns) / 32 + 1);
  }
}

TEST(Report, QuantilesAreOrdered) {
  candor_thread_stats stats = {};
  stats.latency[bucket_of(100)] = 98;
  stats.latency[bucket_of(10'000)] = 1;
  stats.latency[bucket_of(1'000'000)] = 1;
  EXPECT_LT(latency_quantile(stats, 0.5), 110);
  EXPECT_NEAR(latency_quantile(stats, 0.99), 10'000, 400);
  EXPECT_NEAR(latency_quantile(stats, 1), 1'000'000, 40'000);
  EXPECT_EQ(latency_quantile({}, 0.5), 0);
}

TEST(Report, AForgedOneIsBroughtWithinItsBounds) {
  VmReport forged;
  std::memset(static_cast<void*>(&forged), 'x', sizeof forged);
  const VmReport r = checked(forged);
  EXPECT_LE(r.reason, ExitReason::kKilled);
  EXPECT_LE(r.thread_count, CANDOR_MAX_THREADS);
  EXPECT_EQ(std::strlen(r.detail), sizeof r.detail - 1);
  EXPECT_EQ(std::strlen(r.threads[0].name), sizeof r.threads[0].name - 1);
}

TEST(Report, NamesCannotHarmATerminal) {
  const auto area = Area::create();
  ASSERT_TRUE(area.ok());
  candor_thread& thread = area->thread(3);
  thread.cls = CANDOR_CLASS_FAIR;
  std::memset(thread.name, 0x1b, sizeof thread.name);
  VmReport report = {};
  collect_counters(*area, 1, report);
  ASSERT_EQ(report.thread_count, 1u);
  EXPECT_STREQ(report.threads[0].name, "????????????????");
}

}  // namespace
}  // namespace candor::vmm
