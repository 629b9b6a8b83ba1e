// Two threads read the console, which is a bug: the second one panics.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  static char piece[8];
  Thread::create("first", Terms::fair(), [] { static_cast<void>(console::read(piece)); });
  this_thread::sleep_for(milliseconds(50));
  static_cast<void>(console::read(piece, now() + seconds(10)));
  print("not reached\n");
  return 0;
}
