// Ends by a fault: code cannot be written.
#include "guest/sdk.h"

int candor::guest_main(Arguments /*arguments*/) {
  auto* code = reinterpret_cast<volatile char*>(&guest_main);
  *code = 0;
  print("not reached\n");
  return 1;
}
