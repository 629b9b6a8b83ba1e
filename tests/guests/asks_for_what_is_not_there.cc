// Where a container would throw, the guest panics.
#include <map>

#include "tests/guests/verdict.h"

int candor::guest_main(Arguments arguments) {
  const std::map<std::size_t, int> ages = {{100, 30}};
  print("not reached: {}\n", ages.at(arguments.size()));
  return 0;
}
