// Equals take turns by yielding, whatever their class; nobody gives way to a lower rank.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr int kTurns = 100;
std::atomic<int> turn{0}, ended{0};
std::atomic<bool> lower_ran{false};

void take_turns(int parity) {
  const Time patience = now() + seconds(2);
  for (int mine = parity; mine < kTurns; mine += 2) {
    while (turn < mine) {
      test::expect(now() < patience, "turn {} did not come: {} yielded in vain", mine,
                   this_thread::get().name());
      this_thread::yield();
    }
    turn++;
  }
  if (parity != 0) test::expect(!lower_ran, "a lower rank ran meanwhile");
  ended++;
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const Terms classes[] = {Terms::fixed(10, {}, {}), Terms::fair(), Terms::background()};
  for (const Terms& terms : classes) {
    turn = ended = 0;
    lower_ran = false;
    const Time start = now() + milliseconds(20);
    const Thread a = Thread::create("even", terms, [start] {
      this_thread::sleep_until(start);
      take_turns(0);
    });
    const Thread b = Thread::create("odd", terms, [start] {
      this_thread::sleep_until(start);
      take_turns(1);
    });
    const bool realtime = terms.realtime();
    const Thread low = Thread::create("lower", Terms::background(), [start, realtime] {
      this_thread::sleep_until(start + microseconds(1));
      if (realtime && ended == 0 && turn > 0) lower_ran = true;
    });
    a.join();
    b.join();
    low.join();
    test::expect(ended == 2 && turn == kTurns, "{} turns", turn.load());
  }
  return test::pass("yields_to_equals");
}
