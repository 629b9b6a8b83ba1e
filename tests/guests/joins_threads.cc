// Who joins a thread goes on after its end, whether that came before or after.
#include <atomic>

#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
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
