// Wrong use: the kernel panics, and says who did what.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  int* volatile p = new int(1);
  delete p;
  delete p;
  print("not reached\n");
  return 0;
}
