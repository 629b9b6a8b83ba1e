// Prints a line as wide as a terminal every 5 ms, for the benchmark of switches.
#include "guest/sdk.h"

int candor::guest_main(candor::Arguments /*arguments*/) {
  using namespace candor;
  Periodic jobs(milliseconds(5));
  while (jobs.wait_next() && !stopping())
    print("0123456789012345678901234567890123456789012345678901234567890123456789012345678\n");
  return 0;
}
