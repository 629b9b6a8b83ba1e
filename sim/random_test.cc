#include "sim/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "sim/portable_math.h"

namespace candor::sim {
namespace {

// The first numbers of SplitMix64 with this seed, as published with other implementations.
TEST(Random, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317u);
  EXPECT_EQ(random.next(), 3203168211198807973u);
  EXPECT_EQ(random.next(), 9817491932198370423u);
  EXPECT_EQ(random.next(), 4593380528125082431u);
  EXPECT_EQ(random.next(), 16408922859458223821u);
}

TEST(Random, AStreamDoesNotDependOnWhatWasDrawn) {
  Random one(7);
  Random other(7);
  other.next();
  EXPECT_EQ(one.stream("arrivals", 3).next(), other.stream("arrivals", 3).next());
}

TEST(Random, StreamsDifferByNameIndexAndSeed) {
  const Random random(7);
  const std::uint64_t first = random.stream("arrivals", 0).next();
  EXPECT_NE(first, random.stream("arrivals", 1).next());
  EXPECT_NE(first, random.stream("work", 0).next());
  EXPECT_NE(first, Random(8).stream("arrivals", 0).next());
}

TEST(Random, BelowReachesEveryNumberEquallyOften) {
  Random random(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(random.below(7));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
}

TEST(Random, UniformTakesAnyBounds) {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t x = random.uniform(-3, 3);
    EXPECT_TRUE(-3 <= x && x <= 3);
  }
  EXPECT_EQ(random.uniform(5, 5), 5);
  EXPECT_LE(random.uniform(INT64_MIN, INT64_MAX), INT64_MAX);
  EXPECT_EQ(random.uniform(INT64_MAX, INT64_MAX), INT64_MAX);
}

TEST(Random, UnitIsInItsHalfOpenInterval) {
  Random random(1);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = random.unit();
    ASSERT_TRUE(0 <= x && x < 1);
    sum += x;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
}

TEST(Random, LogUniformGivesEachDecadeItsHalf) {
  Random random(1);
  int short_ones = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Duration d = random.log_uniform(milliseconds(1), milliseconds(100));
    ASSERT_TRUE(milliseconds(1) <= d && d <= milliseconds(100));
    short_ones += d < milliseconds(10) ? 1 : 0;
  }
  EXPECT_NEAR(short_ones, 5000, 200);
}

TEST(Random, ExponentialHasItsMeanAndTail) {
  Random random(1);
  double sum = 0;
  int beyond = 0;
  for (int i = 0; i < 100'000; ++i) {
    const Duration d = random.exponential(milliseconds(2));
    ASSERT_GE(d, Duration{});
    sum += static_cast<double>(d.ns);
    beyond += d > milliseconds(4) ? 1 : 0;
  }
  EXPECT_NEAR(sum / 100'000, 2e6, 2e4);
  EXPECT_NEAR(beyond, 13'534, 400);  // e^-2 of them
  EXPECT_EQ(random.exponential({}), Duration{});
}

TEST(Random, DurationsAreTheSameOnEveryMachine) {
  Random random(42);
  EXPECT_EQ(random.log_uniform(milliseconds(1), milliseconds(100)).ns, 30'417'937);
  EXPECT_EQ(random.log_uniform(milliseconds(1), milliseconds(100)).ns, 2'088'434);
  EXPECT_EQ(random.uniform(milliseconds(1), milliseconds(100)).ns, 81'807'328);
}

TEST(PortableMath, AgreesWithTheLibrary) {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const double x = std::ldexp(random.unit(), static_cast<int>(random.uniform(-40, 40)));
    const double y = 200 * random.unit() - 100;
    EXPECT_NEAR(portable_log2(x), std::log2(x), 1e-13);
    EXPECT_NEAR(portable_exp2(y) / std::exp2(y), 1, 1e-13);
  }
  EXPECT_EQ(portable_exp2(10), 1024);
  EXPECT_EQ(portable_log2(1024), 10);
  EXPECT_EQ(portable_power(0, 0.5), 0);
  EXPECT_EQ(portable_power(1, 0.5), 1);
  EXPECT_NEAR(portable_power(0.25, 0.5), 0.5, 1e-15);
}

}  // namespace
}  // namespace candor::sim
