// Fixed threads of one priority take turns where their terms say so, preempted or not, and otherwise run
// until they wait; deadline threads with the same deadline run one after the other.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr int kLongEnough = 6;
std::atomic<int> last{-1}, changes{0};
std::atomic<bool> done{false};

void spin_until(Time end) {
  while (now() < end) {
  }
}

/// Counts how often it finds that the other has run since.
void alternate(int self) {
  const Time patience = now() + seconds(20);
  while (!done) {
    test::expect(now() < patience, "the other has no turn, after {} changes", changes.load());
    if (last.exchange(self) != self && ++changes >= kLongEnough) done = true;
  }
}

void expect_turns(const Terms& terms) {
  last = -1;
  changes = 0;
  done = false;
  // Both begin after main, which is less important, has made them.
  const Time start = now() + milliseconds(20);
  const auto body = [start](int self) {
    this_thread::sleep_until(start);
    alternate(self);
  };
  const Thread a = Thread::create("one", terms, [body] { body(0); });
  const Thread b = Thread::create("another", terms, [body] { body(1); });
  a.join();
  b.join();
}

/// Of two with these terms that begin together, and main, which has made them, the first runs to its end.
template <typename Wait>
void expect_no_turns(const Terms& terms, Wait&& wait) {
  last = -1;
  changes = 0;
  const auto body = [wait](int self) {
    wait();
    const Time end = now() + milliseconds(15);
    while (now() < end)
      if (last.exchange(self) != self) changes++;
  };
  const Thread a = Thread::create("one", terms, [body] { body(0); });
  const Thread b = Thread::create("another", terms, [body] { body(1); });
  a.join();
  b.join();
  test::expect(changes == 2, "{} changes between two that do not take turns", changes.load());
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const Terms turns = Terms::fixed(10, {}, {}).on(1).sliced(milliseconds(2));
  expect_turns(turns);

  // Somebody more important comes in the middle of every turn; they have them nevertheless.
  std::atomic<bool> enough{false};
  const Thread ticker = Thread::create("ticker", Terms::fixed(20, {}, {}).on(1), [&] {
    while (!enough) {
      this_thread::sleep_for(milliseconds(1));
      spin_until(now() + microseconds(100));
    }
  });
  expect_turns(Terms::fixed(10, {}, {}).on(1).sliced(milliseconds(5)));
  expect_turns(Terms::fair().on(1).sliced(milliseconds(5)));
  enough = true;
  ticker.join();

  const Time start = now() + milliseconds(50);
  expect_no_turns(Terms::fixed(10, {}, {}).on(1), [start] { this_thread::sleep_until(start); });
  const Time epoch = now() + milliseconds(50);
  expect_no_turns(Terms::deadline(milliseconds(200), milliseconds(60)).on(1), [epoch] {
    Periodic jobs(milliseconds(200), {}, epoch);
    static_cast<void>(jobs.wait_next());
    spin_until(now() + milliseconds(15));  // the deadline is this job's as long as `jobs` is there
  });
  return test::pass("shares_by_slices");
}
