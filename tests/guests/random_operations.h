// Random operations on the kernel's objects, against a model and against what must be conserved.
#pragma once

#include <atomic>

#include "tests/guests/verdict.h"

namespace candor::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed | 1) {}
  std::uint32_t operator()(std::uint32_t below) {
    state_ ^= state_ << 13;  // xorshift (Marsaglia 2003)
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 33) % below;
  }

 private:
  std::uint64_t state_;
};

/// Those that do not wait, one by one.
inline void against_a_model(Random& random, int operations) {
  constexpr std::uint32_t kMost = 5;
  Semaphore semaphore(2, kMost);
  MessageQueue<std::uint32_t, kMost> queue;
  EventFlags flags;
  Mutex mutex("model");
  Pool<std::uint32_t, kMost> pool;
  std::uint32_t* objects[kMost] = {};
  std::uint32_t exist = 0;
  std::uint32_t units = 2, set = 0, first = 0, last = 0;
  bool held = false;
  for (int i = 0; i < operations; i++) {
    const std::uint32_t operation = random(12), bits = 1 + random(15);
    std::uint32_t got = 0;
    switch (operation) {
      case 0:
        test::expect(semaphore.try_acquire() == (units > 0), "{}: acquire of {}", i, units);
        if (units > 0) units--;
        break;
      case 1:
        test::expect(semaphore.release() == (units < kMost), "{}: release at {}", i, units);
        if (units < kMost) units++;
        break;
      case 2:
        test::expect(queue.try_send(last) == (last - first < kMost), "{}: send to {}", i, last - first);
        if (last - first < kMost) last++;
        break;
      case 3:
        test::expect(queue.try_receive(got) == (first < last), "{}: receive of {}", i, last - first);
        if (first < last) test::expect(got == first++, "{}: {} came out", i, got);
        break;
      case 4:
        flags.set(bits);
        set |= bits;
        break;
      case 5:
        flags.clear(bits);
        set &= ~bits;
        break;
      case 6:
        test::expect(
            flags.wait(bits, EventFlags::Want::kAny, EventFlags::Then::kClear, Time{}) == (set & bits),
            "{}: any", i);
        set &= ~bits;
        break;
      case 7:
        got = (set & bits) == bits ? bits : 0;
        test::expect(flags.wait(bits, EventFlags::Want::kAll, EventFlags::Then::kKeep, Time{}) == got,
                     "{}: all", i);
        break;
      case 8:
        if (!held) test::expect(mutex.try_lock_for(Duration{}), "{}: a free mutex", i);
        if (held) mutex.unlock();
        held = !held;
        break;
      case 9:
        if (std::uint32_t* object = pool.try_create(bits)) {
          test::expect(exist < kMost, "{}: one object too many", i);
          for (std::uint32_t n = 0; n < exist; n++)
            test::expect(objects[n] != object, "{}: it exists twice", i);
          objects[exist++] = object;
        } else {
          test::expect(exist == kMost, "{}: no room beside {}", i, exist);
        }
        break;
      case 10:
        if (exist == 0) break;
        got = bits % exist;
        pool.destroy(objects[got]);
        objects[got] = objects[--exist];
        break;
      default:
        test::expect(mutex.held_by_current() == held, "{}: held", i);
    }
    test::expect(pool.available() == kMost - exist, "{}: {} objects exist", i, exist);
    test::expect(semaphore.available() == units && queue.size() == last - first && flags.get() == set,
                 "{}: the state differs", i);
  }
  if (held) mutex.unlock();
  while (exist > 0) pool.destroy(objects[--exist]);
}

/// What several threads use at once.
struct Shared {
  Semaphore semaphore{3};
  MessageQueue<std::uint32_t, 4> queue;
  EventFlags flags;
  Mutex mutex{"shared"};
  ConditionVariable changed;
  Pool<std::atomic<std::uint32_t>, 2> pool;
  Semaphore never;  // nobody has a unit
  std::atomic<std::int64_t> sent{0}, received{0}, units_out{0};
  std::uint64_t guarded = 0, additions = 0;

  /// When all have done: what was sent has been received, and all units are back.
  void expect_conserved() {
    std::uint32_t message = 0;
    while (queue.try_receive(message)) received += message;
    test::expect(sent == received, "{} was sent, {} received", sent.load(), received.load());
    test::expect(semaphore.available() == 3, "{} units are left of 3", semaphore.available());
    test::expect(pool.available() == 2, "there is room for {} objects of 2", pool.available());
  }
};

/// Those that wait, by one of several threads.
inline void operate(Shared& s, std::uint64_t seed, int operations) {
  Random random(seed);
  const auto soon = [&] { return now() + microseconds(random(300)); };
  for (int i = 0; i < operations; i++) {
    std::uint32_t message = 1 + random(1000);
    switch (random(9)) {
      case 0:
        if (!s.semaphore.try_acquire_until(soon())) break;
        test::expect(++s.units_out <= 3, "more units than there are");
        if (random(3) == 0) this_thread::yield();
        s.units_out--;
        test::expect(s.semaphore.release(), "no room for a unit that was taken");
        break;
      case 1:
        if (s.queue.try_send_until(message, soon())) s.sent += message;
        break;
      case 2:
        if (s.queue.try_receive_until(message, soon())) s.received += message;
        break;
      case 3:
        s.flags.set(message);
        break;
      case 4:
        (void)s.flags.wait(message, EventFlags::Want::kAny, EventFlags::Then::kClear, soon());
        break;
      case 5:
        if (!s.mutex.try_lock_until(soon())) break;
        s.guarded++;
        if (random(4) == 0) this_thread::sleep_for(microseconds(20));
        s.additions++;
        test::expect(s.guarded == s.additions, "two in the critical section");
        s.changed.notify_one();
        s.mutex.unlock();
        break;
      case 6: {
        const Lock lock(s.mutex);
        (void)s.changed.wait_until(s.mutex, soon());
        break;
      }
      case 7:
        if (auto* object = s.pool.try_create_until(soon(), 0u)) {
          test::expect((*object)++ == 0, "an object has two owners");
          if (random(3) == 0) this_thread::yield();
          test::expect(--*object == 0, "an object has two owners");
          s.pool.destroy(object);
        }
        break;
      default:
        if (random(8) != 0) {
          this_thread::sleep_until(soon());
        } else {
          const Thread child = Thread::create(
              "child", Terms::fair(),
              [&s] { test::expect(!s.never.try_acquire_until(Time::never()), "a unit of nobody's"); },
              16 * 1024);
          test::expect(!child.join_until(soon()), "it ended without being asked to");
          child.cancel();
          child.join();
        }
    }
  }
}

}  // namespace candor::test
