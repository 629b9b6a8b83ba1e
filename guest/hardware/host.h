// On a machine of its own the kernel is its own host: what docs/abi.md promises of one is kept here, by the
// processors' own means. The kernel above does not know the difference.
#pragma once

#include <cstdint>

#include "abi/candor.h"
#include "guest/hardware/acpi.h"
#include "guest/hardware/page_tables.h"

namespace candor::hardware {

struct Host {
  candor_host_page* page = nullptr;  // as the kernel cannot see it: writable
  Machine machine;
  PageTables tables;
  std::uint16_t exit_port = 0;  // candor.exit_port=: where the exit code goes instead of power off; 0: none
  bool serial_interrupts = false;
  bool trap_is_undefined = false;  // VMCPUID has raised an invalid-opcode exception
};
extern Host host;

/// candor_call_fn: the synthetic instructions (docs/abi.md §7). Any processor, any time but inside an
/// interrupt.
std::int64_t serve_call(std::uint64_t call, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                        std::uint64_t d, std::uint64_t e);

/// Passes on what is in the console's ring, as far as the serial port takes it, the rest when it can; and
/// what has come there to the ring of input. Any context.
void drain_console();
/// All of it, waiting. For the end: others must have stopped.
void drain_console_wholly();

/// Turns ACPI on and listens to the power button. False if the machine has none.
bool listen_to_power_button();
void on_acpi_interrupt();
/// Ends this run: by the exit port or by switching the machine off; where neither works, by halting all.
[[noreturn]] void end(std::uint32_t code);

}  // namespace candor::hardware
