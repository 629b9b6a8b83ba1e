// The priority of a thread can be changed while it is ready; what cannot be is said.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<std::uint64_t> ran[2];
std::atomic<bool> done{false};

void count_up(int self) {
  while (!done) ran[self].fetch_add(1, std::memory_order_relaxed);
}

/// The one of the two that runs, in the eyes of a thread more important than both that now and then sleeps.
int who_runs() {
  std::uint64_t before[2] = {ran[0], ran[1]};
  const Time patience = now() + seconds(10);
  for (;;) {
    test::expect(now() < patience, "neither runs");
    this_thread::sleep_for(milliseconds(1));
    const bool first = ran[0] != before[0], second = ran[1] != before[1];
    if (first != second) return first ? 0 : 1;
    before[0] = ran[0];
    before[1] = ran[1];
  }
}

void control() {
  const Thread low = Thread::create("low", Terms::fixed(10, {}, {}).on(1), [] { count_up(0); });
  const Thread high = Thread::create("high", Terms::fixed(20, {}, {}).on(1), [] { count_up(1); });
  test::expect(who_runs() == 1, "the lower one runs");
  for (int round = 0; round < 50; round++) {
    test::expect(low.set_priority(30), "refused");
    test::expect(who_runs() == 0, "round {}: the raised one does not run", round);
    test::expect(low.set_priority(5), "refused");
    test::expect(who_runs() == 1, "round {}: the lowered one runs", round);
  }
  test::expect(!low.set_priority(0) && !low.set_priority(100), "a priority that is none");
  test::expect(this_thread::get().set_priority(60), "its own is refused");
  done = true;
  low.join();
  high.join();
  test::expect(!low.set_priority(30), "one that has ended");
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  test::expect(!this_thread::get().set_priority(30), "a fair thread has no priority");
  Thread::create("control", Terms::fixed(50, {}, {}).on(1), control).join();
  return test::pass("changes_priorities");
}
