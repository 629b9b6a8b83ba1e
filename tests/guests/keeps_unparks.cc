// An unpark that comes while a thread sleeps, waits for a release or for a mutex
// is kept for its next park, and does not cut the wait short. One from where upcalls are masked has its
// effect after that.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

enum Wait { kSleep, kRelease, kMutex, kWaits };
std::atomic<int> reached{-1}, parked{-1};

/// On one vCPU: who is unparked with upcalls masked runs when they are unmasked, not some time later.
void unpark_while_masked() {
  if (kernel::kernel.vcpus != 1) return;
  static std::atomic<bool> ran{false};
  const Thread urgent = Thread::create("urgent", Terms::fixed(30, {}, {}), [] {
    while (!this_thread::park()) {
    }
    ran = true;
  });
  this_thread::sleep_for(milliseconds(2));
  {
    const kernel::Masked masked;
    urgent.unpark();
    test::expect(!ran, "it ran with upcalls masked");
  }
  test::expect(ran, "it did not run when they were unmasked");
  urgent.join();
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  unpark_while_masked();
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
