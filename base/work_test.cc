#include "base/work.h"

#include <gtest/gtest.h>

#include <ctime>

namespace candor {
namespace {

TEST(Work, ResultIsFoundWithoutDoingTheWork) {
  for (const std::uint64_t steps : {0u, 1u, 2u, 3u, 64u, 1000u, 20'000u})
    EXPECT_EQ(work_unit(steps), work_result(steps)) << steps;
  EXPECT_NE(work_result(99), work_result(100));
}

TEST(Work, CalibrationTakesTheShortestSample) {
  // A clock by which samples take 40 us, but for every other one, which takes longer.
  std::uint64_t time = 0, readings = 0;
  const auto clock = [&] {
    const bool ends = readings++ % 2 == 1;
    return time += ends ? (readings % 4 == 0 ? 900'000u : 40'000u) : 0u;
  };
  EXPECT_EQ(work_steps_per_ms(clock), 500'000u);
}

TEST(Work, CalibrationByARealClockIsPlausible) {
  const auto clock = [] {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
  };
  // From a processor emulated by an interpreter to one faster than there is.
  EXPECT_GT(work_steps_per_ms(clock), 1'000u);
  EXPECT_LT(work_steps_per_ms(clock), 10'000'000u);
}

}  // namespace
}  // namespace candor
