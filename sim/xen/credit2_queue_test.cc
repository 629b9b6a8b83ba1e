#include "sim/xen/credit2_queue.h"

#include <gtest/gtest.h>

namespace candor::sim {
namespace {

struct Credit2QueueTest : testing::Test {
  Credit2Unit unit(std::int64_t weight, Duration credit = Credit2Queue::kInitial) {
    Credit2Unit u;
    u.weight = weight;
    u.credit = credit;
    return u;
  }
  Credit2Queue queue{0, 2};
};

// Q1
TEST_F(Credit2QueueTest, LessWeightBurnsFaster) {
  Credit2Unit light = unit(100), heavy = unit(300);
  queue.assign(light, {});
  queue.assign(heavy, {});
  queue.burn(light, milliseconds(1));
  queue.burn(heavy, milliseconds(1));
  EXPECT_EQ(light.credit, milliseconds(7));
  EXPECT_EQ(heavy.credit, milliseconds(9));
  EXPECT_EQ(queue.time_of(light, milliseconds(3)), milliseconds(1));
}

// Q1: 3 ns at 5/3 are 5, also one at a time.
TEST_F(Credit2QueueTest, NothingIsLostToRounding) {
  Credit2Unit light = unit(3), heavy = unit(5);
  queue.assign(light, {});
  queue.assign(heavy, {});
  for (int i = 0; i < 3; ++i) queue.burn(light, nanoseconds(1));
  EXPECT_EQ(light.credit, Credit2Queue::kInitial - nanoseconds(5));
}

// Q1
TEST_F(Credit2QueueTest, CreditDoesNotFallBelowTheLeast) {
  Credit2Unit u = unit(100);
  queue.assign(u, {});
  queue.burn(u, milliseconds(50));
  EXPECT_EQ(u.credit, milliseconds(-10));
}

// Q1
TEST_F(Credit2QueueTest, TheGreatestWeightIsThatOfMembers) {
  Credit2Unit light = unit(100), heavy = unit(300);
  queue.assign(light, {});
  queue.assign(heavy, {});
  queue.remove(heavy, {});
  queue.burn(light, milliseconds(1));
  EXPECT_EQ(light.credit, milliseconds(9));
}

// Q2
TEST_F(Credit2QueueTest, MostCreditIsFirstAndOfEqualOnesTheFirstToCome) {
  Credit2Unit a = unit(100, milliseconds(1)), b = unit(100, milliseconds(2)), c = unit(100, milliseconds(1));
  for (Credit2Unit* u : {&a, &b, &c}) queue.insert(*u);
  EXPECT_EQ(queue.waiting(), (std::vector<Credit2Unit*>{&b, &a, &c}));
  queue.erase(a);
  EXPECT_EQ(queue.waiting(), (std::vector<Credit2Unit*>{&b, &c}));
}

// Q3
TEST_F(Credit2QueueTest, AResetAddsTenAndLeavesHalfAMillisecondMore) {
  Credit2Unit next = unit(100, milliseconds(-1)), asleep = unit(100, milliseconds(8));
  queue.assign(next, {});
  queue.assign(asleep, {});
  queue.reset(next);
  EXPECT_EQ(next.credit, milliseconds(9));
  EXPECT_EQ(asleep.credit, microseconds(10'500));
}

// Q3
TEST_F(Credit2QueueTest, AResetLiftsWhoHasFallenToTheLeast) {
  Credit2Unit next = unit(100, milliseconds(-10));
  queue.assign(next, {});
  queue.reset(next);
  EXPECT_EQ(next.credit, milliseconds(10));
}

// Q4
TEST_F(Credit2QueueTest, LoadIsAveragedOverASecond) {
  LoadAverage load(0, {});
  load.change(2, {});
  EXPECT_EQ(load.at(Time{} + nanoseconds(1 << 28)), 0.5);
  load.change(0, Time{} + nanoseconds(1 << 28));
  EXPECT_EQ(load.at(Time{} + nanoseconds(1 << 29)), 0.375);
  EXPECT_EQ(load.at(Time{} + seconds(9)), 0);
}

// Q4
TEST_F(Credit2QueueTest, AVcpuBringsItsLoadAndTakesItAlong) {
  Credit2Unit a = unit(100), b = unit(100);
  queue.assign(a, {});
  queue.assign(b, {});
  EXPECT_EQ(queue.load.at({}), 1.0);
  queue.remove(a, {});
  EXPECT_EQ(queue.load.at({}), 0.5);
}

}  // namespace
}  // namespace candor::sim
