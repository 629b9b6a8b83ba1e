// Semaphores: counting, limits, timeouts, and the order in which those that wait are served.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

void count() {
  Semaphore s(2, 3);
  test::expect(s.try_acquire() && s.try_acquire() && !s.try_acquire(), "two units are two");
  test::expect(s.release() && s.release() && s.release(), "three units have room");
  test::expect(!s.release() && s.available() == 3, "a fourth has none, and changes nothing");
}

void time_out() {
  Semaphore s;
  const Time begin = now();
  test::expect(!s.try_acquire_for(milliseconds(5)), "a unit from nowhere");
  test::expect(now() - begin >= milliseconds(5), "given up after {}", now() - begin);
  // One that comes in time ends the wait, and one that has given up takes none.
  const Thread giver = Thread::create("giver", Terms::fair(), [&s] {
    this_thread::sleep_for(milliseconds(2));
    test::expect(s.release(), "no room for one");
  });
  test::expect(s.try_acquire_for(seconds(10)), "the unit did not come");
  test::expect(!s.try_acquire(), "a unit too many");
  giver.join();
}

/// On one vCPU: the most urgent first, equals as they came.
void serve_in_order() {
  static Semaphore s;
  static std::atomic<int> served{0};
  static int order[4];
  const auto wait_as = [](int who) {
    return [who] {
      s.acquire();
      order[served++] = who;
    };
  };
  const Thread fair1 = Thread::create("fair1", Terms::fair(), wait_as(2));
  this_thread::sleep_for(milliseconds(2));
  const Thread fair2 = Thread::create("fair2", Terms::fair(), wait_as(3));
  this_thread::sleep_for(milliseconds(2));
  const Thread low = Thread::create("low", Terms::fixed(10, {}, {}), wait_as(1));
  const Thread high = Thread::create("high", Terms::fixed(20, {}, {}), wait_as(0));
  this_thread::sleep_for(milliseconds(5));
  for (int i = 0; i < 4; i++) {
    test::expect(served == i, "{} served after {} units", served.load(), i);
    test::expect(s.release(), "no room");
    const Time patience = now() + seconds(5);
    while (served == i) {
      test::expect(now() < patience, "nobody took unit {}", i);
      this_thread::sleep_for(microseconds(200));
    }
  }
  for (int i = 0; i < 4; i++) test::expect(order[i] == i, "{} came at place {}", order[i], i);
  for (const Thread* t : {&fair1, &fair2, &low, &high}) t->join();
}

/// On one vCPU: who is woken with upcalls masked runs when they are unmasked, not some time later.
void wake_while_masked() {
  if (kernel::kernel.vcpus != 1) return;
  static Semaphore s;
  static std::atomic<bool> ran{false};
  const Thread urgent = Thread::create("urgent", Terms::fixed(30, {}, {}), [] {
    s.acquire();
    ran = true;
  });
  this_thread::sleep_for(milliseconds(2));
  {
    const kernel::Masked masked;
    test::expect(s.release() && !ran, "it ran with upcalls masked");
  }
  test::expect(ran, "it did not run when they were unmasked");
  urgent.join();
}

/// Handed from thread to thread, none is lost and none is doubled.
void conserve_units() {
  static Semaphore s(3);
  static std::atomic<int> inside{0}, most{0}, rounds{0};
  constexpr int kThreads = 6, kRounds = 500;
  const auto work = [] {
    for (int i = 0; i < kRounds; i++) {
      s.acquire();
      const int n = ++inside;
      test::expect(n <= 3, "{} hold three units", n);
      if (n > most) most = n;
      if (i % 7 == 0) this_thread::yield();
      inside--;
      rounds++;
      test::expect(s.release(), "no room for a unit that was taken");
    }
  };
  const Thread threads[kThreads] = {
      Thread::create("a", Terms::fair(), work),           Thread::create("b", Terms::fair(), work),
      Thread::create("c", Terms::fair(), work),           Thread::create("d", Terms::fair(), work),
      Thread::create("e", Terms::fixed(5, {}, {}), work), Thread::create("f", Terms::background(), work)};
  for (const Thread& t : threads) t.join();
  test::expect(rounds == kThreads * kRounds && s.available() == 3, "{} rounds, {} units left", rounds.load(),
               s.available());
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  count();
  time_out();
  serve_in_order();
  wake_while_masked();
  conserve_units();
  return test::pass("semaphores");
}
