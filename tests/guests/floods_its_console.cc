// Hostile: prints as fast as it can, in the shortest lines there are.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  while (!stopping()) print("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
  return test::pass("floods_its_console");
}
