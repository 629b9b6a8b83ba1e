// Threads that have ended leave nothing behind, whoever still has a handle or unparks them meanwhile.
#include <atomic>

#include "guest/memory.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  constexpr int kRounds = 3000;
  std::atomic<int> ended{0};
  std::size_t untouched = 0;
  for (int round = 0; round < kRounds; round++) {
    const Thread thread = Thread::create("short", Terms::fair(), [&ended, round] {
      if (round % 3 == 0) this_thread::yield();
      ended++;
    });
    const Thread copy = thread;
    if (round % 2 == 0) copy.unpark();
    thread.join();
    copy.unpark();
    // By then every size of block has been used as often as it will be.
    if (round == kRounds / 3) untouched = kernel::untouched_memory();
  }
  test::expect(ended == kRounds, "{} of {} threads ran", ended.load(), kRounds);
  // A few may be on their way out at a time, on another vCPU: more than there were before.
  constexpr std::size_t kFew = 8 * (kDefaultStackBytes + 20'000);
  test::expect(untouched - kernel::untouched_memory() <= kFew,
               "{} bytes more are in use than after a third of the rounds",
               untouched - kernel::untouched_memory());
  return test::pass("reuses_threads");
}
