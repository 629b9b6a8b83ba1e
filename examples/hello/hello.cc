// The smallest guest: says hello and ends.
#include "guest/sdk.h"

int candor::guest_main(Arguments arguments) {
  print("hello from a guest that knows where it is\n");
  for (std::string_view argument : arguments) print("argument: {}\n", argument);
  return 0;
}
