#include "sim/linux/fair_queue.h"

#include <gtest/gtest.h>

#include <deque>

#include "sim/random.h"

namespace candor::sim {
namespace {

struct Member {
  FairEntity entity;
  Duration ran;
};

// Runs the queue for `time`, each pick until its request is done.
void run(FairQueue& queue, std::deque<Member>& members, Duration time) {
  FairEntity* current = nullptr;
  for (Duration passed; passed < time;) {
    FairEntity* next = queue.pick(current);
    ASSERT_NE(next, nullptr);
    const Duration step = std::min(queue.until_done(*next), time - passed);
    queue.charge(*next, step);
    members[next->id].ran += step;
    passed += step;
    current = next;
  }
}

TEST(FairQueue, SharesFollowWeightsWithinASlice) {
  FairQueue queue(milliseconds(3));
  std::deque<Member> members(4);
  std::int64_t sum = 0;
  for (std::uint32_t i = 0; i < 4; ++i) {
    members[i].entity.id = i;
    members[i].entity.weight = 50 * (i + 1);
    sum += members[i].entity.weight;
    queue.add(members[i].entity);
  }
  run(queue, members, seconds(1));
  for (const Member& m : members)
    EXPECT_NEAR(static_cast<double>(m.ran.ns),
                1e9 * static_cast<double>(m.entity.weight) / static_cast<double>(sum), 3e6);
}

// Lag is kept over leaving and coming back, so what a member is owed does not add up.
TEST(FairQueue, LagDoesNotGrowWhoeverComesAndGoes) {
  constexpr Duration kSlice = milliseconds(3);
  FairQueue queue(kSlice);
  std::deque<Member> members(6);
  std::deque<bool> queued(6, false);
  Random random(11);
  for (std::uint32_t i = 0; i < 6; ++i) members[i].entity.id = i, members[i].entity.weight = 100;
  queue.add(members[0].entity);
  queued[0] = true;
  double owed = 0;  // to member 0, which never leaves
  for (int i = 0; i < 5'000; ++i) {
    const auto who = static_cast<std::uint32_t>(1 + random.below(5));
    if (queued[who])
      queue.remove(members[who].entity);
    else
      queue.add(members[who].entity);
    queued[who] = !queued[who];
    const Duration before = members[0].ran;
    const Duration time = random.uniform(Duration{1}, milliseconds(8));
    run(queue, members, time);
    owed += static_cast<double>(time.ns) * 100 / static_cast<double>(queue.load()) -
            static_cast<double>((members[0].ran - before).ns);
    ASSERT_LT(std::abs(owed), 5.0 * static_cast<double>(kSlice.ns)) << i;
  }
}

TEST(FairQueue, AnEmptyOnePicksNothing) {
  FairQueue queue;
  EXPECT_EQ(queue.pick(nullptr), nullptr);
  FairEntity e;
  queue.add(e);
  EXPECT_EQ(queue.pick(nullptr), &e);
  queue.remove(e);
  EXPECT_EQ(queue.pick(nullptr), nullptr);
}

}  // namespace
}  // namespace candor::sim
