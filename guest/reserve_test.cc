#include "guest/reserve.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "guest/admission.h"

namespace candor::kernel {
namespace {

constexpr Duration kReserve = milliseconds(2), kPeriod = milliseconds(10);
constexpr Duration kLimit = Reserve::limit_of(kReserve);

TEST(Reserve, NoneIsNeverUsedUp) {
  constexpr Reserve none;
  EXPECT_FALSE(none.active());
  EXPECT_FALSE(none.exhausted());
}

TEST(Reserve, IsUsedUpAtItsLimitAndComesBackWithThePeriod) {
  Reserve r(kReserve, kPeriod, Time{0}, {});
  EXPECT_EQ(r.look_at(Time{100}, {}), Time{100} + kLimit);
  EXPECT_FALSE(r.advance(Time{kLimit.ns - 1}, {kLimit.ns - 1}));
  EXPECT_TRUE(r.advance(Time{kLimit.ns}, kLimit));
  EXPECT_TRUE(r.exhausted());
  EXPECT_EQ(r.replenish(), Time{} + kPeriod);
  EXPECT_FALSE(r.advance(Time{kPeriod.ns - 1}, kLimit));
  EXPECT_TRUE(r.advance(Time{kPeriod.ns}, kLimit));
  EXPECT_FALSE(r.exhausted());
  EXPECT_EQ(r.begin(), Time{} + kPeriod) << "the rhythm stays";
}

TEST(Reserve, AJobThatComesSoonerHasWhatIsLeft) {
  Reserve r(kReserve, kPeriod, Time{0}, {});
  r.release(Time{milliseconds(4).ns}, milliseconds(1));
  EXPECT_EQ(r.begin(), Time{});
  EXPECT_TRUE(r.advance(Time{milliseconds(6).ns}, kLimit));
  r.release(Time{milliseconds(7).ns}, kLimit);
  EXPECT_TRUE(r.exhausted());
  r.release(Time{milliseconds(13).ns}, kLimit);
  EXPECT_FALSE(r.exhausted());
  EXPECT_EQ(r.begin(), Time{milliseconds(13).ns});
}

// Against the definition: whatever the thread does, what it uses within its reserve keeps to the limit
// between a period's begin and the next, begins are a period apart at least, and it is never refused with
// budget left.
TEST(Reserve, HoldsForRandomThreads) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const auto any = [&](std::int64_t most) { return static_cast<std::int64_t>(random()) % most + 1; };
    const Duration period = microseconds(500 + any(20'000)), reserve{any(period.ns)};
    const Duration limit = Reserve::limit_of(reserve);
    Time t{any(1'000'000'000)};
    Duration used{any(1'000'000)};  // the thread's, before
    Reserve r(reserve, period, t, used);
    Time begin = t;      // of the model
    Duration in_period;  // of the model
    for (int step = 0; step < 2000; ++step) {
      if (random() % 3 == 0) {  // sleeps, and has its next job
        t = t + Duration{any(period.ns * 2)};
        r.release(t, used);
        if (t >= begin + period) {
          begin = t;
          in_period = {};
        }
      } else {  // runs or is preempted, for no longer than the timer lets it
        const Time look = r.exhausted() ? r.replenish() : r.look_at(t, used);
        Duration span{any(period.ns)};
        if (t + span > look) span = look - t;
        t = t + span;
        if (random() % 3 != 0) {
          used += span;
          if (!r.exhausted()) in_period += span;
        }
      }
      r.advance(t, used);
      while (t >= begin + period) {
        begin = begin + period;
        in_period = {};
      }
      ASSERT_EQ(r.begin(), begin) << "step " << step;
      ASSERT_LE(in_period, limit) << "step " << step;
      ASSERT_EQ(r.exhausted(), in_period >= limit) << "step " << step;
    }
  }
}

TEST(GuestAdmission, CountsByTheDeadlineAndRefusesWhatContradictsItself) {
  const Terms plain = {CANDOR_CLASS_DEADLINE, 0, milliseconds(2), milliseconds(10), {}, {}};
  EXPECT_EQ(taken_ppm(plain), 200'000u);
  EXPECT_EQ(taken_ppm(plain.blocked_for(milliseconds(1))), 300'000u);
  Terms early = plain;
  early.relative_deadline = milliseconds(4);
  EXPECT_EQ(taken_ppm(early), 500'000u);
  EXPECT_FALSE(contradicts_itself(Terms::deadline(milliseconds(10), milliseconds(2))));
  EXPECT_FALSE(contradicts_itself(Terms::fixed(99, milliseconds(10), milliseconds(2))));
  EXPECT_TRUE(contradicts_itself(Terms::fixed(100, milliseconds(10), milliseconds(2))));
  EXPECT_TRUE(contradicts_itself(Terms::fixed(10, {}, {}))) << "no reserve";
  EXPECT_TRUE(contradicts_itself(Terms::deadline(milliseconds(1), milliseconds(2))));
  EXPECT_TRUE(contradicts_itself(Terms::deadline(milliseconds(10), milliseconds(2), milliseconds(11))));
  EXPECT_TRUE(
      contradicts_itself(Terms::deadline(milliseconds(10), milliseconds(2)).blocked_for(milliseconds(9))));
}

TEST(GuestAdmission, ARoomGivesAwayNoMoreThanThereIs) {
  std::mt19937 random(7);
  Room room;
  std::vector<std::uint32_t> given;
  std::uint64_t sum = 0;
  for (int step = 0; step < 10'000; ++step) {
    const auto ppm = static_cast<std::uint32_t>(random() % 400'000);
    if (random() % 2 == 0 && !given.empty()) {
      room.give_back(given.back());
      sum -= given.back();
      given.pop_back();
    } else if (room.take(ppm)) {
      given.push_back(ppm);
      sum += ppm;
    } else {
      ASSERT_GT(sum + ppm, kWholePpm) << "refused for no reason";
    }
    ASSERT_LE(sum, kWholePpm);
    ASSERT_EQ(room.left_ppm(), kWholePpm - sum);
  }
}

}  // namespace
}  // namespace candor::kernel
