// Hostile: masks upcalls and never gives way. The host ends it. No PAUSE in the loop: where the host is
// itself a VM, whoever is below takes the processor away from a loop of these, and from everybody on it
// (docs/caveats.md).
#include "guest/arch/x86_64/cpu.h"
#include "guest/sdk.h"

int candor::guest_main(Arguments /*arguments*/) {
  kernel::mask_upcalls();
  for (;;) __asm__ volatile("" ::: "memory");
}
