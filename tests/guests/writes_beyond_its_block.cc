// Wrong use: the kernel panics, and says who did what.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  volatile char* volatile p = new char[20];
  p[20] = 1;
  delete[] p;
  print("not reached\n");
  return 0;
}
