// Ends by a fault: data cannot be executed.
#include "guest/sdk.h"

int candor::guest_main(Arguments /*arguments*/) {
  static unsigned char code[] = {0xc3};  // ret
  reinterpret_cast<void (*)()>(code)();
  print("not reached\n");
  return 1;
}
