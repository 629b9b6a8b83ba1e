// Wrong use: the kernel panics, and says who did what.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  {
    Semaphore s;
    Thread::create("waiting", Terms::fair(), [&s] { s.acquire(); });
    this_thread::sleep_for(milliseconds(20));
  }
  print("not reached\n");
  return 0;
}
