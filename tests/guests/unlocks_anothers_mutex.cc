// Wrong use: the kernel panics, and says who did what.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex m("theirs");
  Thread::create("owner", Terms::fair(), [] {
    m.lock();
    this_thread::sleep_for(seconds(10));
  });
  this_thread::sleep_for(milliseconds(20));
  m.unlock();
  print("not reached\n");
  return 0;
}
