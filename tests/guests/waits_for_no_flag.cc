// Wrong use: the kernel panics, and says who did what.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  EventFlags f;
  (void)f.wait(0);
  print("not reached\n");
  return 0;
}
