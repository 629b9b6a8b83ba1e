// Wrong use: the kernel panics, and says who did what.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex m("theirs");
  static std::atomic<bool> locked{false};
  Thread::create("owner", Terms::fair(), [] {
    m.lock();
    locked = true;
    this_thread::sleep_for(seconds(10));
  });
  while (!locked) this_thread::sleep_for(milliseconds(1));
  m.unlock();
  print("not reached\n");
  return 0;
}
