#include "sim/measure.h"

#include <gtest/gtest.h>

namespace candor::sim {
namespace {

TEST(Measure, TheTableIsInTheOrderOfTheMeasures) {
  for (std::size_t i = 0; i < all_measures().size(); ++i)
    EXPECT_EQ(static_cast<std::size_t>(all_measures()[i].measure), i);
}

TEST(Measure, ValuesHaveTheirUnits) {
  Point point;
  point.processors = 2;
  point.runs = 4;
  point.met = 3;
  point.sum.duration = seconds(10);
  point.sum.harmful = 50;
  SetResult set;
  set.cls = CANDOR_CLASS_DEADLINE;
  set.jobs = 200;
  set.misses = 5;
  set.work = seconds(4);
  for (int i = 0; i < 200; ++i) set.response.add(milliseconds(7));
  EXPECT_EQ(value_of(Measure::kMet, point, nullptr), 75);
  EXPECT_EQ(value_of(Measure::kHarmful, point, nullptr), 5);
  EXPECT_EQ(value_of(Measure::kMisses, point, &set), 2.5);
  EXPECT_EQ(value_of(Measure::kRounds, point, &set), 20);
  EXPECT_EQ(value_of(Measure::kWork, point, &set), 20);
  EXPECT_EQ(value_of(Measure::kResponseMax, point, &set), 7);
}

TEST(Measure, WhatASetDoesNotHaveHasNoValue) {
  const Point point;
  SetResult set;
  set.cls = CANDOR_CLASS_FAIR;
  set.jobs = 3;
  EXPECT_FALSE(value_of(Measure::kMisses, point, &set)) << "fair threads have no deadline";
  EXPECT_FALSE(value_of(Measure::kResponseMax, point, &set));
  EXPECT_FALSE(value_of(Measure::kGap, point, nullptr));
  EXPECT_FALSE(value_of(Measure::kMet, point, nullptr)) << "no run";
}

TEST(Measure, JobsThatNeverEndedAreLongerThanAllThatDid) {
  Point point;
  SetResult set;
  set.cls = CANDOR_CLASS_DEADLINE;
  set.jobs = 100;
  set.misses = 50;
  set.longest_gap = seconds(2);
  for (int i = 0; i < 50; ++i) set.response.add(milliseconds(1));
  EXPECT_EQ(quantile(set, set.response, 0.5), milliseconds(1));
  EXPECT_FALSE(quantile(set, set.response, 0.51));
  EXPECT_EQ(readable(value_of(Measure::kResponseP99, point, &set).value()), "never");
  EXPECT_EQ(readable(value_of(Measure::kResponseMax, point, &set).value()), "never");
}

TEST(Measure, AJobUnderWayHasTakenSoLongAtLeast) {
  Point point;
  SetResult set;
  set.cls = CANDOR_CLASS_DEADLINE;
  set.threads = 1;
  set.jobs = 2;
  set.longest_gap = milliseconds(30);
  set.response.add(milliseconds(1));
  EXPECT_EQ(value_of(Measure::kResponseMax, point, &set), 30);
  set.jobs = 1;
  EXPECT_EQ(value_of(Measure::kResponseMax, point, &set), 1) << "all ended";
}

TEST(Readable, ThreeDigitsCount) {
  EXPECT_EQ(readable(0), "0");
  EXPECT_EQ(readable(0.5), "0.5");
  EXPECT_EQ(readable(12.345), "12.3");
  EXPECT_EQ(readable(100), "100");
  EXPECT_EQ(readable(99.96), "100");
  EXPECT_EQ(readable(0.00123), "0.00123");
  EXPECT_EQ(readable(999.7), "1 000");
  EXPECT_EQ(readable(1234567), "1 234 567");
  EXPECT_EQ(readable(-1500), "-1 500");
}

}  // namespace
}  // namespace candor::sim
