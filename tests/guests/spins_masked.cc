// Hostile: masks upcalls and never gives way. The host ends it.
#include "guest/arch/x86_64/cpu.h"
#include "guest/sdk.h"

int candor::guest_main(Arguments /*arguments*/) {
  kernel::mask_upcalls();
  for (;;) kernel::relax();
}
