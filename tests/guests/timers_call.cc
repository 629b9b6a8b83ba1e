// Timers: once and periodic, in the order of their times, stopped and started anew, many at a time.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<int> calls{0};
void count_call(void* counter) {
  ++*static_cast<std::atomic<int>*>(counter);
}

void once() {
  calls = 0;
  Timer t(count_call, &calls);
  test::expect(!t.started(), "started by itself");
  const Time begin = now();
  t.start_after(milliseconds(4));
  test::expect(t.started(), "not started");
  while (calls == 0) {
    test::expect(now() - begin < seconds(10), "never called");
    this_thread::sleep_for(microseconds(300));
  }
  test::expect(now() - begin >= milliseconds(4), "called after {}", now() - begin);
  this_thread::sleep_for(milliseconds(10));
  test::expect(calls == 1 && !t.started(), "called {} times", calls.load());
}

/// Each release of the grid is called or left out, however late the thread comes: it does not drift.
void periodic() {
  static Time first;
  static std::atomic<int> early{0};
  calls = early = 0;
  static constexpr Duration kPeriod = milliseconds(2);
  struct Grid {
    static void call(void* timer) {
      const int n = calls++ + static_cast<int>(static_cast<Timer*>(timer)->left_out());
      if (now() < first + kPeriod * n) early++;
    }
  };
  static Timer t(Grid::call, &t);
  first = now() + milliseconds(3);
  t.start(first, kPeriod);
  while (calls < 100) this_thread::sleep_for(milliseconds(1));
  t.stop();
  const int total = calls + static_cast<int>(t.left_out());
  const auto most = (now() - first).ns / kPeriod.ns + 1;
  test::expect(early == 0 && total <= most, "{} calls, {} left out, {} of them early, where {} were due",
               calls.load(), t.left_out(), early.load(), most);
  const int then = calls;
  this_thread::sleep_for(milliseconds(10));
  test::expect(calls == then, "called {} times after its stop", calls - then);
}

Time last;

void many_in_order() {
  constexpr int kMany = 100;
  struct One {
    static void call(void* self) {
      auto& one = *static_cast<One*>(self);
      test::expect(one.due >= last, "a timer was called after a later one");
      last = one.due;
      calls++;
    }
    Time due;
  };
  static One ones[kMany];
  alignas(Timer) static char memory[kMany][sizeof(Timer)];
  calls = 0;
  Timer* timers[kMany];
  const Time begin = now() + milliseconds(5);
  for (int i = 0; i < kMany; i++) {
    ones[i].due = begin + microseconds(100) * (i * 37 % kMany);
    timers[i] = new (memory[i]) Timer(One::call, &ones[i]);
    timers[i]->start(ones[i].due);
  }
  int stopped = 0;
  for (int i = 0; i < kMany; i += 10) {
    if (timers[i]->started()) stopped++;
    timers[i]->stop();
  }
  const Time patience = now() + seconds(10);
  while (calls < kMany - stopped && now() < patience) this_thread::sleep_for(milliseconds(1));
  this_thread::sleep_for(milliseconds(5));
  test::expect(calls >= kMany - stopped && calls <= kMany, "{} calls of {}, of which {} were stopped",
               calls.load(), kMany, stopped);
  for (Timer* t : timers) t->~Timer();
}

/// stop() returns when the function does not run any more; from within, it ends the grid.
void stop_while_called() {
  static std::atomic<bool> inside{false}, left{false};
  struct Slow {
    static void call(void*) {
      inside = true;
      this_thread::sleep_for(milliseconds(5));
      left = true;
    }
    static void stop_itself(void* timer) {
      calls++;
      static_cast<Timer*>(timer)->stop();
    }
  };
  {
    Timer t(Slow::call, nullptr);
    t.start_after(Duration{}, milliseconds(1));
    while (!inside) this_thread::sleep_for(microseconds(200));
    t.stop();
    test::expect(left, "stopped while it is called");
  }
  calls = 0;
  static Timer t(Slow::stop_itself, &t);
  t.start_after(Duration{}, microseconds(500));
  this_thread::sleep_for(milliseconds(10));
  test::expect(calls == 1, "called {} times though it stopped itself", calls.load());
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  once();
  periodic();
  many_in_order();
  stop_while_called();
  return test::pass("timers_call");
}
