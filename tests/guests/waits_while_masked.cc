// Wrong use: the kernel panics, and says who did what.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  Semaphore s;
  const kernel::Masked masked;
  s.acquire();
  print("not reached\n");
  return 0;
}
