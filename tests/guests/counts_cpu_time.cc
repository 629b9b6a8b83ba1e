// Each thread's processor time is its own: what runs in turns has together what has passed, what sleeps has
// none.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<bool> done{false};

void spin() {
  while (!done) {
  }
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const Time begin = now();  // before anybody runs, however long it takes until all do
  const Thread a = Thread::create("one", Terms::fair().on(1), spin),
               b = Thread::create("another", Terms::fair().on(1), spin);
  const Thread sleeper =
      Thread::create("sleeper", Terms::fair(), [] { this_thread::sleep_for(seconds(60)); });
  const Duration main_before = this_thread::cpu_time();
  this_thread::sleep_for(milliseconds(200));
  done = true;
  const Duration first = a.cpu_time(), second = b.cpu_time();
  const Duration passed = now() - begin;  // last: they may run between two of these
  const Duration mine = this_thread::cpu_time() - main_before;
  print("{} passed: {} and {}, {} here, {} asleep\n", passed, first, second, mine, sleeper.cpu_time());
  // Time that the host gave to others is counted until it says so, and then taken off: only upper bounds
  // hold on a shared machine, and that nobody was left out.
  test::expect(first + second <= passed + milliseconds(1), "more than there was");
  test::expect(first > milliseconds(4) && second > milliseconds(4), "a thread that ran has no time");
  test::expect(sleeper.cpu_time() < milliseconds(50) && sleeper.cpu_time().ns > 0, "{} asleep",
               sleeper.cpu_time());
  a.join();
  b.join();
  const Duration at_end = a.cpu_time();
  const Time patience = now() + seconds(10);
  while (this_thread::cpu_time() - main_before < mine + milliseconds(5))
    test::expect(now() < patience, "the caller's stands still");
  test::expect(a.cpu_time() == at_end, "the time of a thread that has ended goes on");
  return test::pass("counts_cpu_time");
}
