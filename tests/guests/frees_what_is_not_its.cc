// Wrong use: the kernel panics, and says who did what.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  static long memory[8];
  long* volatile p = &memory[4];
  delete p;
  print("not reached\n");
  return 0;
}
