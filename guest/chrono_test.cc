// Durations and times beside those of std::chrono.
#include "guest/chrono.h"

#include <gtest/gtest.h>

#include <chrono>
#include <type_traits>

namespace candor {
namespace {

static_assert(std::is_convertible_v<std::chrono::hours, Duration>);
static_assert(std::is_convertible_v<std::chrono::nanoseconds, Duration>);
static_assert(!std::is_convertible_v<std::chrono::duration<double>, Duration>, "which would round");
static_assert(!std::is_convertible_v<std::chrono::duration<int, std::pico>, Duration>);
static_assert(!std::is_convertible_v<Duration, std::chrono::milliseconds>);
static_assert(std::is_convertible_v<Duration, std::chrono::nanoseconds>);
static_assert(std::is_convertible_v<Duration, std::chrono::duration<double>>);
static_assert(!std::is_convertible_v<int, Duration> && !std::is_convertible_v<std::int64_t, Duration>);
static_assert(!std::is_convertible_v<int, Time> && !std::is_convertible_v<Duration, Time>);
static_assert(!std::is_convertible_v<std::chrono::steady_clock::time_point, Time>, "of another clock");
static_assert(std::chrono::is_clock_v<Clock>);
static_assert(std::is_convertible_v<Clock::time_point, Time> &&
              std::is_convertible_v<Time, Clock::time_point>);
static_assert(!std::is_convertible_v<std::chrono::time_point<Clock, std::chrono::duration<double>>, Time>);
static_assert(std::is_trivially_copyable_v<Duration> && std::is_trivially_copyable_v<Time>);

TEST(Chrono, DurationsConvert) {
  using namespace std::chrono_literals;
  EXPECT_EQ(Duration(5ms), milliseconds(5));
  EXPECT_EQ(Duration(-1min), seconds(-60));
  EXPECT_EQ(milliseconds(5) + 20us, microseconds(5020));
  EXPECT_LT(milliseconds(5), 6ms);
  const std::chrono::nanoseconds ns = microseconds(3);
  EXPECT_EQ(ns, 3us);
  const std::chrono::duration<double> s = milliseconds(1500);
  EXPECT_DOUBLE_EQ(s.count(), 1.5);
  EXPECT_EQ(Time{5} + 1us, Time{1005});
}

TEST(Chrono, TimesConvert) {
  using namespace std::chrono_literals;
  const Clock::time_point point = Time{1'500'000};
  EXPECT_EQ(point.time_since_epoch(), 1500us);
  EXPECT_EQ(Time(point + 1ms), Time{2'500'000});
  EXPECT_EQ(Time(std::chrono::time_point<Clock, std::chrono::seconds>(2s)), Time{2'000'000'000});
}

}  // namespace
}  // namespace candor
