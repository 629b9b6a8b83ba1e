// Hostile: does nothing but ring both bells.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  while (!stopping()) {
    kernel::Masked masked;
    kernel::call_host(CANDOR_CALL_RING, CANDOR_BELL_SCHED | CANDOR_BELL_MONITOR);
  }
  return test::pass("rings_without_end");
}
