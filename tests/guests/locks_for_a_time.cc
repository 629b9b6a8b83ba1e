// Timed locks: they end in time, what was lent meanwhile is taken back, and a recursive mutex counts.
#include <atomic>

#include "guest/vcpu.h"
#include "guest/work.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

void give_up() {
  static Mutex m("held");
  static std::atomic<bool> let_go{false}, holds{false};
  static std::atomic<int> tier{-1};
  const Thread holder = Thread::create("holder", Terms::fair(), [] {
    const Lock lock(m);
    holds = true;
    while (!let_go) {
      {
        const kernel::Masked masked;
        tier = static_cast<int>(kernel::Vcpu::here().current().rank.tier);
      }
      this_thread::sleep_for(microseconds(100));
    }
  });
  while (!holds) this_thread::sleep_for(microseconds(200));
  const Thread urgent = Thread::create("urgent", Terms::fixed(40, {}, {}), [] {
    const Time begin = now();
    test::expect(!m.try_lock(), "two hold it");
    test::expect(!m.try_lock_for(milliseconds(5)), "two hold it");
    const Duration took = now() - begin;
    test::expect(took >= milliseconds(5) && took < seconds(5), "given up after {}", took);
  });
  urgent.join();
  this_thread::sleep_for(milliseconds(5));
  // Not only lent but taken back where both were on the same vCPU; elsewhere it lasts until the unlock.
  if (kernel::kernel.vcpus == 1)
    test::expect(tier == static_cast<int>(kernel::Tier::kFair), "the holder goes on at tier {}", tier.load());
  const Thread next = Thread::create("next", Terms::fixed(40, {}, {}), [] {
    test::expect(m.try_lock_for(seconds(10)), "it was let go in time");
    m.unlock();
  });
  this_thread::sleep_for(milliseconds(1));
  let_go = true;
  next.join();
  holder.join();
  test::expect(m.try_lock(), "somebody still holds it");
  m.unlock();
}

void lock_again() {
  static RecursiveMutex m;
  static std::atomic<bool> tried{false}, entered{false};
  for (int i = 0; i < 3; i++) m.lock();
  test::expect(m.try_lock(), "its holder may lock it again");
  const Thread other = Thread::create("other", Terms::fair(), [] {
    test::expect(!m.try_lock_for(milliseconds(1)), "two hold what was locked again");
    tried = true;
    m.lock();
    entered = true;
    m.unlock();
  });
  while (!tried) this_thread::sleep_for(microseconds(200));
  for (int i = 0; i < 3; i++) m.unlock();
  this_thread::sleep_for(milliseconds(5));
  test::expect(!entered, "let go after three of four unlocks");
  m.unlock();
  other.join();
  test::expect(entered, "never let go");
}

/// Many that give up all the time, and one that insists.
void compete() {
  static Mutex m("wanted");
  static std::atomic<bool> over{false};
  static std::atomic<int> got{0}, in_vain{0};
  static int volatile a, b;
  const auto try_it = [] {
    while (!over) {
      if (!m.try_lock_for(microseconds(50))) {
        in_vain++;
        continue;
      }
      test::expect(a == b, "two in the critical section");
      a = a + 1;
      if (a % 5 == 0) this_thread::yield();
      b = b + 1;
      got++;
      m.unlock();
    }
  };
  const Thread threads[] = {Thread::create("x", Terms::fair(), try_it),
                            Thread::create("y", Terms::fair(), try_it),
                            Thread::create("z", Terms::background(), try_it)};
  for (int i = 0; i < 200; i++) {
    const Lock lock(m);
    test::expect(a == b, "two in the critical section");
    if (i % 10 == 0) this_thread::sleep_for(microseconds(300));
  }
  over = true;
  for (const Thread& t : threads) t.join();
  test::expect(got > 0, "nobody got it");
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  give_up();
  lock_again();
  compete();
  return test::pass("locks_for_a_time");
}
