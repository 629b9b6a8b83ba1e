// A thread that is asked to end leaves every wait that can end without result, at once and for good, and no
// other; it still gets what is there, and ends by itself.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

Semaphore semaphore;
Mutex mutex("held"), guarded("guarded");
ConditionVariable changed;
EventFlags flags;
MessageQueue<int, 1> empty, full;
Pool<int, 1> pool;

/// All of them would wait for ever; true: without having been asked to end.
bool park() {
  return this_thread::park();
}
bool sleep() {
  return this_thread::sleep_until(Time::never());
}
bool wait_for_release() {
  Periodic jobs(seconds(1000), {}, now() + seconds(1000));
  return jobs.wait_next();
}
bool acquire() {
  return semaphore.try_acquire_until(Time::never());
}
bool wait_for_change() {
  Lock lock(guarded);
  return changed.wait_until(guarded, Time::never());
}
bool wait_for_state() {
  Lock lock(guarded);
  return changed.wait_until(guarded, Time::never(), [] { return false; });
}
bool wait_for_flags() {
  return flags.wait(3, EventFlags::Want::kAll) != 0;
}
bool receive() {
  int message = 0;
  return empty.try_receive_until(message, Time::never());
}
bool send() {
  return full.try_send_until(2, Time::never());
}
bool create() {
  return pool.try_create_until(Time::never(), 2) != nullptr;
}
bool read() {
  char typed[8];
  return console::read(typed) != 0;
}
const Thread* endless = nullptr;
bool join() {
  return endless->join_until(Time::never());
}

struct Wait {
  const char* name;
  bool (*wait)();
};
constexpr Wait kWaits[] = {{"park", park},
                           {"sleep", sleep},
                           {"release", wait_for_release},
                           {"semaphore", acquire},
                           {"change", wait_for_change},
                           {"state", wait_for_state},
                           {"flags", wait_for_flags},
                           {"receive", receive},
                           {"send", send},
                           {"create", create},
                           {"console", read},
                           {"join", join}};

/// In all of them, found waiting or not: every second round there is no time to begin.
void leave_waits(const Terms& terms) {
  for (const Wait& wait : kWaits) {
    for (int round = 0; round < 4; round++) {
      std::atomic<bool> begins{false};
      const Thread thread = Thread::create(wait.name, terms, [&wait, &begins] {
        begins = true;
        test::expect(!wait.wait(), "{}: it got what was not there", wait.name);
        test::expect(this_thread::cancelled(), "{}: ended without being asked to", wait.name);
        test::expect(!wait.wait(), "{}: it got what was not there, the second time", wait.name);
      });
      if (round % 2 == 0) {
        while (!begins) this_thread::sleep_for(microseconds(200));
        this_thread::sleep_for(milliseconds(2));
        test::expect(!thread.join_until(Time{}), "{}: did not wait", wait.name);
      }
      thread.cancel();
      test::expect(thread.join_for(seconds(10)), "{}: goes on waiting", wait.name);
    }
  }
}

/// What cannot fail goes on, and so does a wait for a mutex.
void keep_waiting() {
  static std::atomic<int> passed{0};
  mutex.lock();
  const Thread thread = Thread::create("stays", Terms::fair(), [] {
    semaphore.acquire();
    passed = 1;
    test::expect(mutex.try_lock_for(seconds(10)), "it did not wait for the mutex");
    mutex.unlock();
    passed = 2;
    endless->join();
    passed = 3;
  });
  thread.cancel();
  this_thread::sleep_for(milliseconds(5));
  thread.cancel();  // once more does nothing
  this_thread::sleep_for(milliseconds(5));
  test::expect(passed == 0, "acquire() ended without a unit");
  (void)semaphore.release();
  while (passed < 1) this_thread::sleep_for(microseconds(200));
  this_thread::sleep_for(milliseconds(5));
  test::expect(passed == 1, "it did not wait for the mutex");
  mutex.unlock();
  while (passed < 2) this_thread::sleep_for(microseconds(200));
  this_thread::sleep_for(milliseconds(5));
  test::expect(passed == 2, "join() ended before the thread");
  endless->cancel();
  thread.join();
}

/// What is there is taken, by a thread that was asked to end before it began and by masked code.
void still_take() {
  int sum = 0;
  const Thread thread = Thread::create("takes", Terms::fair(), [&sum] {
    while (!this_thread::cancelled()) this_thread::yield();
    if (semaphore.try_acquire_until(Time::never())) sum += 1;
    int message = 0;
    if (full.try_receive_for(message, seconds(1))) sum += 2;
    if (flags.wait(4) == 4) sum += 4;
  });
  (void)semaphore.release();
  flags.set(4);
  {
    const kernel::Masked masked;
    thread.cancel();
  }
  thread.join();
  test::expect(sum == 7, "it took {} of 7", sum);
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const Thread forever = Thread::create("forever", Terms::fair(), [] {
    while (this_thread::sleep_for(seconds(1))) {
    }
  });
  endless = &forever;
  full.send(1);
  int* one = pool.create(1);
  leave_waits(Terms::fair());
  leave_waits(Terms::fixed(30, {}, {}));
  keep_waiting();
  still_take();
  pool.destroy(one);
  test::expect(!this_thread::cancelled(), "main was asked to end");
  forever.join();
  return test::pass("cancels_threads");
}
