// Ends when asked to while its idle vCPU polls ("candor.idle=poll"), as it does nearly all the time: its
// only timer is always nearer than the 200 us after which polling gives up.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  Thread::create("ticks", Terms::fair(), [] {
    for (;;) this_thread::sleep_for(microseconds(150));
  });
  wait_for_shutdown();
  return test::pass("ends_while_polling");
}
