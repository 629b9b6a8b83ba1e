// Wrong use: the kernel panics, and says who did what.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  Thread::create("sleeper", Terms::background(), [] { this_thread::sleep_for(seconds(10)); });
  this_thread::sleep_for(milliseconds(5));
  panic("on purpose, for the {}th time", 3);
}
