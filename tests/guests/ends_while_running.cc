// Ends when asked to, although every thread of every class computes all the time.
#include "guest/work.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  const auto compute = [] {
    for (;;) Work::do_units(1000);
  };
  Thread::create("fair1", Terms::fair(), compute);
  Thread::create("fair2", Terms::fair(), compute);
  Thread::create("background", Terms::background(), compute);
  Thread::create("deadline", Terms::deadline(milliseconds(10), milliseconds(1)), compute);
  wait_for_shutdown();
  return test::pass("ends_while_running");
}
