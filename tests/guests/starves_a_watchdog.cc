// A thread that keeps the one that is watched from running does not keep the watchdog from noticing.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  static Watchdog w("control loop", milliseconds(30));
  Thread::create("steps", Terms::fair().on(1), [] {
    w.start();
    while (w.feed()) this_thread::sleep_for(milliseconds(1));
  });
  this_thread::sleep_for(milliseconds(100));
  test::expect(w.started(), "not started");
  Thread::create("greedy", Terms::fixed(50, {}, {}).on(1), [] {
    const Time end = now() + seconds(10);
    while (now() < end) {
    }
    print("not reached\n");
  }).join();
  return 0;
}
