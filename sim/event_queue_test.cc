#include "sim/event_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "sim/random.h"

namespace candor::sim {
namespace {

TEST(EventQueue, TheEarliestComesFirstAndOfEqualOnesTheLowerNumber) {
  EventQueue q(4);
  EXPECT_EQ(q.next(), Time::never());
  q.set(2, Time{10});
  q.set(1, Time{10});
  q.set(3, Time{5});
  EXPECT_EQ(q.next(), Time{5});
  EXPECT_EQ(q.pop(), 3u);
  EXPECT_EQ(q.pop(), 1u);
  EXPECT_EQ(q.pop(), 2u);
  EXPECT_EQ(q.next(), Time::never());
}

TEST(EventQueue, SettingMovesAndNeverCancels) {
  EventQueue q(2);
  q.set(0, Time{10});
  q.set(0, Time{20});
  EXPECT_EQ(q.next(), Time{20});
  q.set(0, Time::never());
  EXPECT_FALSE(q.is_set(0));
  q.cancel(0);
}

// Against a sorted list, whatever is set, moved and cancelled.
TEST(EventQueue, AgreesWithASortedList) {
  constexpr std::uint32_t kTimers = 50;
  Random random(7);
  EventQueue q(kTimers);
  std::map<std::uint32_t, Time> set;
  for (int i = 0; i < 20'000; ++i) {
    const auto timer = static_cast<std::uint32_t>(random.below(kTimers));
    switch (random.below(4)) {
      case 0:
        q.cancel(timer);
        set.erase(timer);
        break;
      case 1:
        if (set.empty()) break;
        {
          std::pair<Time, std::uint32_t> first{Time::never(), 0};
          for (const auto& [t, at] : set) first = std::min(first, {at, t});
          ASSERT_EQ(q.next(), first.first);
          ASSERT_EQ(q.pop(), first.second);
          set.erase(first.second);
        }
        break;
      default:
        set[timer] = Time{static_cast<std::int64_t>(random.below(100))};
        q.set(timer, set[timer]);
    }
  }
}

}  // namespace
}  // namespace candor::sim
