// Who joins a thread goes on after its end, whether that came before or after, or without it after some time.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

/// A thread that does not end in time is not waited for any longer, and can be joined later.
void join_with_a_limit() {
  static Semaphore end;
  const Thread thread = Thread::create("late", Terms::fair(), [] { end.acquire(); });
  test::expect(!thread.join_until(Time{}), "joined a thread that waits");
  const Time begin = now();
  test::expect(!thread.join_for(milliseconds(20)), "joined a thread that still waits");
  test::expect(now() - begin >= milliseconds(20), "gave up after {}", now() - begin);
  // Others who wait are not kept by one who has given up.
  const Thread patient = Thread::create("patient", Terms::fair(), [thread] { thread.join(); });
  test::expect(!thread.join_for(milliseconds(5)), "joined a thread that waits for its end");
  test::expect(end.release(), "no unit to give");
  test::expect(thread.join_for(seconds(10)), "the end was not told");
  test::expect(patient.join_for(seconds(10)), "the end was not told to all");
  test::expect(thread.join_until(Time{}), "it has ended, and is not joined");
}

/// Limits that come about when the end does: it is one or the other, each time.
void join_just_in_time() {
  int joined = 0, missed = 0;
  for (int round = 0; round < 200; round++) {
    const Thread thread =
        Thread::create("brief", Terms::fair(), [] { this_thread::sleep_for(microseconds(200)); });
    (thread.join_for(microseconds(100 + round % 20 * 20)) ? joined : missed)++;
    thread.join();
  }
  test::expect(joined + missed == 200, "{} joined and {} missed", joined, missed);
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  join_with_a_limit();
  join_just_in_time();
  static std::atomic<int> ended{0};
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; round++) {
    const Thread thread = Thread::create("joined", Terms::fair(), [round] {
      if (round % 2 == 0) this_thread::sleep_for(microseconds(300));
      ended++;
    });
    const Thread other = Thread::create("joining", Terms::fair(), [thread, round] {
      thread.join();
      test::expect(ended > round, "joined before the end in round {}", round);
    });
    if (round % 3 == 0) this_thread::sleep_for(microseconds(500));
    thread.join();
    test::expect(ended == round + 1, "{} ends after round {}", ended.load(), round);
    other.join();
  }
  return test::pass("joins_threads");
}
