// Ends by a fault: there is nothing at this address.
#include "guest/sdk.h"

int candor::guest_main(Arguments /*arguments*/) {
  std::uintptr_t volatile nowhere = 0x10;
  *reinterpret_cast<volatile int*>(nowhere) = 1;
  print("not reached\n");
  return 1;
}
