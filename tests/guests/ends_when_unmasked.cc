// Masks upcalls for a tenth of a second at a time, and ends when asked to.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  while (!stopping()) {
    kernel::Masked masked;
    const Time until = now() + milliseconds(100);
    while (now() < until) kernel::relax();
  }
  return test::pass("ends_when_unmasked");
}
