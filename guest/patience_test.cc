#include "guest/patience.h"

#include <gtest/gtest.h>

#include <random>

namespace candor::kernel {
namespace {

// A thread that is moved whenever it may be, among any waits and runs, moves once in kSettle at most, and
// only after it has been seen to wait for kPatience.
TEST(Patience, BoundsMovesWhateverHappens) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Patience patience;
    Time t{static_cast<std::int64_t>(random()) + kSettle.ns}, last_move{}, waits_since = Time::never();
    int moves = 0;
    for (int step = 0; step < 5000; ++step) {
      t = t + Duration{static_cast<std::int64_t>(random() % 600'000)};
      if (random() % 5 == 0) {
        patience.has_ended();
        waits_since = Time::never();
        continue;
      }
      if (waits_since == Time::never()) waits_since = t;
      const Time when = patience.may_move_at(t);
      const bool permitted = t - waits_since >= kPatience && t - last_move >= kSettle;
      ASSERT_EQ(when <= t, permitted) << "step " << step;
      if (!permitted) continue;
      patience.moves(t);
      waits_since = Time::never();
      last_move = t;
      ++moves;
    }
    ASSERT_GT(moves, 0);
  }
}

}  // namespace
}  // namespace candor::kernel
