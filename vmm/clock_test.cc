#include "vmm/clock.h"

#include <gtest/gtest.h>
#include <x86intrin.h>

namespace candor::vmm {
namespace {

TEST(Clock, FollowsThePublishedFormula) {
  candor_clock_scale clock = {};
  clock.base_tsc = 1000;
  clock.base_ns = 5'000;
  clock.mult = 1ull << 31;  // half a nanosecond per tick
  EXPECT_EQ(clock_ns(clock, 1000), 5'000u);
  EXPECT_EQ(clock_ns(clock, 3000), 6'000u);
  EXPECT_EQ(clock_ns(clock, 10), 5'000u);  // before the base counts as the base
  // Ten years of ticks do not overflow the product.
  EXPECT_EQ(clock_ns(clock, 1000 + (1ull << 60)), 5'000u + (1ull << 59));
}

TEST(Clock, RefreshNeitherJumpsNorStaysWrong) {
  candor_clock page = {};
  TscScale scale = calibrate_tsc();
  ASSERT_GT(scale.mult, 0u);
  scale.mult += scale.mult / 1000;  // 0.1 % fast
  GuestClock clock(page, scale);
  const std::uint64_t tsc = __rdtsc();
  const std::uint64_t before = clock_ns(page.scale[page.seq & 1], tsc);
  clock.refresh();
  const std::uint64_t later = __rdtsc();
  EXPECT_GE(clock_ns(page.scale[page.seq & 1], later), before);
  // It was shown `ahead` too early; at the new rate this is worked off over a second.
  const candor_clock_scale& scaled = page.scale[page.seq & 1];
  const std::uint64_t in_a_second = scaled.base_tsc + ((1'000'000'000ull << 32) / scaled.mult);
  const double ns_per_tick =
      static_cast<double>(monotonic_ns() - scale.ns) / static_cast<double>(__rdtsc() - scale.tsc);
  const double truth =
      static_cast<double>(scale.ns) + static_cast<double>(in_a_second - scale.tsc) * ns_per_tick;
  EXPECT_NEAR(static_cast<double>(clock_ns(scaled, in_a_second)), truth, 100'000);
  EXPECT_EQ(page.seq, 2u);
}

TEST(Clock, ASuspendedHostIsALeapAndThenRightAgain) {
  candor_clock page = {};
  const TscScale scale = {1'000, 5'000, std::uint64_t{1} << 31, true};  // two ticks in a nanosecond
  GuestClock clock(page, scale);
  const auto shown = [&](std::uint64_t tsc) { return clock_ns(page.scale[page.seq & 1], tsc); };
  clock.refresh(2'000'001'000, 1'000'005'000);
  EXPECT_EQ(shown(2'000'001'000), 1'000'005'000u);
  // An hour in which the TSC ran on and the monotonic clock did not.
  clock.refresh(7'202'000'001'000, 2'000'005'000);
  EXPECT_EQ(shown(7'202'000'001'000), 2'000'005'000u);
  EXPECT_NEAR(static_cast<double>(shown(7'204'000'001'000)), 3'000'005'000.0, 1'000'000)
      << "at the rate of before";
  // And one after which the TSC began anew.
  clock.refresh(500, 4'000'005'000);
  EXPECT_EQ(shown(500), 4'000'005'000u);
}

}  // namespace
}  // namespace candor::vmm
