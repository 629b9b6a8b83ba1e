// Ends by a fault on the guard page of a boot stack, on which a vCPU idles.
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  const auto& page = kernel::host_page();
  const std::uint64_t lowest = page.ram_base + page.ram_bytes - CANDOR_BOOT_STACK_BYTES;
  *reinterpret_cast<char volatile*>(lowest) = 1;
  print("not reached\n");
  return 1;
}
