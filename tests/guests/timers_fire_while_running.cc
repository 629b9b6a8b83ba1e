// A sleeper wakes up although another thread never gives way.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  static bool volatile woke;
  Thread::create("sleeper", Terms::fair(), [] {
    for (int i = 0; i < 10; i++) {
      const Time until = now() + milliseconds(5);
      this_thread::sleep_until(until);
      test::expect(now() >= until, "woke {} early", until - now());
    }
    woke = true;
  });
  const Time patience = now() + seconds(10);
  while (!woke) test::expect(now() < patience, "the sleeper did not wake");
  return test::pass("timers_fire_while_running");
}
