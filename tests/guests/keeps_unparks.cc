// An unpark that comes while a thread sleeps, waits for a release or for a mutex
// is kept for its next park, and does not cut the wait short.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

enum Wait { kSleep, kRelease, kMutex, kWaits };
std::atomic<int> reached{-1}, parked{-1};

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex mutex("held");
  mutex.lock();
  const Thread waiter = Thread::create("waiter", Terms::fair(), [] {
    constexpr Duration kWait = milliseconds(20);
    for (int wait = 0; wait < kWaits; wait++) {
      const Time begin = now();
      Periodic jobs(kWait, {}, begin + kWait);
      reached = wait;
      if (wait == kSleep) this_thread::sleep_until(begin + kWait);
      if (wait == kRelease) test::expect(jobs.wait_next(), "the run is over");
      if (wait == kMutex) Lock lock(mutex);
      test::expect(now() - begin >= kWait, "wait {} ended after {}", wait, now() - begin);
      test::expect(this_thread::park(now() + seconds(5)), "wait {} took the token", wait);
      parked = wait;
    }
  });
  for (int wait = 0; wait < kWaits; wait++) {
    const Time patience = now() + seconds(10);
    while (reached < wait) {
      test::expect(now() < patience, "wait {} not reached", wait);
      this_thread::sleep_for(microseconds(500));
    }
    this_thread::sleep_for(milliseconds(5));
    waiter.unpark();
    if (wait == kMutex) {
      this_thread::sleep_for(milliseconds(30));
      mutex.unlock();
    }
    while (parked < wait) this_thread::sleep_for(milliseconds(1));
  }
  return test::pass("keeps_unparks");
}
