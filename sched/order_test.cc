#include "sched/order.h"

#include <gtest/gtest.h>

namespace candor::sched {
namespace {

Place deadline_at(std::int64_t ms, VmId vm = 1, std::uint32_t thread = 0) {
  return {.cls = CANDOR_CLASS_DEADLINE,
          .deadline = Time{milliseconds(ms).ns},
          .remaining = milliseconds(1),
          .vm = vm,
          .thread = thread};
}

Place fixed(std::uint32_t priority, VmId vm = 1, std::uint32_t thread = 0) {
  return {.cls = CANDOR_CLASS_FIXED,
          .priority = priority,
          .deadline = Time{0},
          .remaining = milliseconds(1),
          .vm = vm,
          .thread = thread};
}

void expect_order(const Place& first, const Place& second, OrderReason reason) {
  EXPECT_EQ(first_difference(first, second), reason) << to_string(reason);
  EXPECT_TRUE(before(first, second)) << to_string(reason);
  EXPECT_FALSE(before(second, first)) << to_string(reason);
}

TEST(Order, DeadlineClaimsComeBeforeFixedOnes) {
  expect_order(deadline_at(1'000'000), fixed(99), OrderReason::kClass);
}

TEST(Order, TheEarlierDeadlineComesFirst) {
  expect_order(deadline_at(1, 9, 9), deadline_at(2, 1, 1), OrderReason::kDeadline);
}

TEST(Order, TheHigherPriorityComesFirstWhateverTheDeadlines) {
  Place high = fixed(7, 9);
  high.deadline = Time::never();
  expect_order(high, fixed(6), OrderReason::kPriority);
}

TEST(Order, TiesBreakOnExpectedRunTimeThenVmThenThread) {
  Place shorter = deadline_at(1, 9, 9);
  shorter.remaining = microseconds(999);
  expect_order(shorter, deadline_at(1, 1, 1), OrderReason::kRemaining);
  expect_order(deadline_at(1, 1, 9), deadline_at(1, 2, 1), OrderReason::kVm);
  expect_order(deadline_at(1, 1, 1), deadline_at(1, 1, 2), OrderReason::kThread);
  expect_order(fixed(5, 1, 1), fixed(5, 1, 2), OrderReason::kThread);
}

TEST(Order, APlaceIsNotBeforeItself) {
  EXPECT_EQ(first_difference(fixed(5), fixed(5)), OrderReason::kSame);
  EXPECT_FALSE(before(fixed(5), fixed(5)));
}

}  // namespace
}  // namespace candor::sched
