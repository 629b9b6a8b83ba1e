// Ends when asked to while it waits, or polls ("candor.idle=poll").
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  wait_for_shutdown();
  return test::pass("ends_while_idle");
}
