#include "base/rate_meter.h"

#include <gtest/gtest.h>

namespace candor {
namespace {

TEST(RateMeter, GivesABurstAndThenTheRate) {
  RateMeter meter(10, 1000);
  Time now{seconds(1).ns};
  for (int i = 0; i < 10; i++) EXPECT_TRUE(meter.take(now)) << i;
  EXPECT_FALSE(meter.take(now));
  now = now + milliseconds(1);
  EXPECT_TRUE(meter.take(now));
  EXPECT_FALSE(meter.take(now));
  EXPECT_EQ(meter.left(now + milliseconds(4)), 4);
  EXPECT_EQ(meter.left(now + seconds(1)), 10) << "never more than the burst";
}

TEST(RateMeter, UsingMoreThanIsLeftDelaysWhatComesLater) {
  RateMeter meter(10, 1000);
  const Time now{seconds(1).ns};
  meter.use(30, now);
  EXPECT_EQ(meter.left(now + milliseconds(20)), 0);
  EXPECT_EQ(meter.left(now + milliseconds(25)), 5);
}

TEST(RateMeter, RecoveredIsWhenAnotherLookIsWorthIt) {
  RateMeter meter(8, 1000);
  const Time now{seconds(1).ns};
  meter.use(8, now);
  EXPECT_EQ(meter.left(meter.recovered()), 3);
}

}  // namespace
}  // namespace candor
