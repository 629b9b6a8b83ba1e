// Condition variables: a bounded buffer between many threads, notifications to one and to all, and timeouts.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr int kThreads = 3, kEach = 400;
constexpr std::size_t kRoom = 4;

Mutex& mutex() {
  static Mutex m("buffer");
  return m;
}
ConditionVariable not_full, not_empty;
int buffer[kRoom];
std::size_t used;
std::atomic<long> sum{0};

void produce() {
  for (int i = 1; i <= kEach; i++) {
    const Lock lock(mutex());
    not_full.wait(mutex(), [] { return used < kRoom; });
    buffer[used++] = i;
    not_empty.notify_one();
  }
}
void consume() {
  for (int i = 0; i < kEach; i++) {
    const Lock lock(mutex());
    not_empty.wait(mutex(), [] { return used > 0; });
    sum += buffer[--used];
    not_full.notify_one();
  }
}

void pass_on() {
  const Terms all[] = {Terms::fair(), Terms::fixed(7, {}, {}), Terms::background()};
  for (int round = 0; round < 3; round++) {
    sum = 0;
    Thread threads[2 * kThreads] = {
        Thread::create("p", all[0], produce), Thread::create("p", all[round], produce),
        Thread::create("p", all[2], produce), Thread::create("c", all[0], consume),
        Thread::create("c", all[1], consume), Thread::create("c", all[2], consume)};
    for (const Thread& t : threads) t.join();
    test::expect(sum == kThreads * kEach * (kEach + 1l) / 2 && used == 0, "the sum is {}, {} are left",
                 sum.load(), used);
  }
}

void notify_all() {
  static ConditionVariable go;
  static std::atomic<int> waiting{0}, gone{0};
  static bool open = false;
  const auto wait = [] {
    const Lock lock(mutex());
    waiting++;
    go.wait(mutex(), [] { return open; });
    gone++;
  };
  const Thread a = Thread::create("a", Terms::fair(), wait), b = Thread::create("b", Terms::fair(), wait),
               c = Thread::create("c", Terms::fixed(3, {}, {}), wait);
  while (waiting < 3) this_thread::sleep_for(microseconds(200));
  {
    const Lock lock(mutex());
    go.notify_all();  // too early: they look and wait again
  }
  this_thread::sleep_for(milliseconds(2));
  test::expect(gone == 0, "{} went through a closed gate", gone.load());
  {
    const Lock lock(mutex());
    open = true;
    go.notify_all();
  }
  for (const Thread* t : {&a, &b, &c}) t->join();
  test::expect(gone == 3, "{} of 3 went on", gone.load());
}

void time_out() {
  ConditionVariable never;
  const Lock lock(mutex());
  const Time begin = now();
  test::expect(!never.wait_for(mutex(), milliseconds(5)), "a notification from nowhere");
  test::expect(now() - begin >= milliseconds(5) && mutex().held_by_current(), "without the mutex after {}",
               now() - begin);
  test::expect(!never.wait_until(mutex(), now() + milliseconds(2), [] { return false; }), "what never holds");
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  (void)mutex();
  pass_on();
  notify_all();
  time_out();
  return test::pass("condition_variables");
}
