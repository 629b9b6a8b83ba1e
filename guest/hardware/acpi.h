// What ACPI's tables tell of the machine (ACPI specification 6.5, chapter 5). Pure; tested on the host.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace candor::hardware {

struct IoApic {
  std::uint64_t address = 0;
  std::uint32_t first_gsi = 0;  // global system interrupt of its first pin
};

/// Where an interrupt of the old kind arrives, and how (MPS INTI flags).
struct IsaInterrupt {
  std::uint32_t gsi = 0;
  bool active_low = false;
  bool level = false;
};

struct Machine {
  static constexpr std::size_t kMostProcessors = 64;

  std::array<std::uint32_t, kMostProcessors> apic_ids = {};  // of those that may be started
  std::size_t processors = 0;
  std::size_t processors_left_out = 0;  // more than kMostProcessors
  std::uint64_t local_apic = 0xfee00000;
  std::array<IoApic, 8> io_apics;
  std::size_t io_apic_count = 0;
  std::array<IsaInterrupt, 16> isa;
  bool old_interrupt_controllers = false;  // two 8259 are there and must be silenced

  // FADT (5.2.9); zero: not there.
  std::uint32_t sci = 0;  // an ISA interrupt's number
  std::uint32_t smi_command = 0;
  std::uint8_t acpi_enable = 0;
  std::uint32_t pm1a_event = 0, pm1b_event = 0, pm1_event_bytes = 0;
  std::uint32_t pm1a_control = 0, pm1b_control = 0;
  std::uint32_t pm_timer = 0;  // port
  bool pm_timer_is_32_bits = false;
  bool power_button = false;   // as a fixed hardware event
  bool can_power_off = false;  // \_S5 was found
  std::uint8_t s5_type_a = 0, s5_type_b = 0;
};

enum class AcpiError { kNoRootPointer, kBadChecksum, kNoMadt };

/// `rsdp`: physical address, or 0 to look for it where a BIOS puts it (5.2.5.1). Tables are read through
/// `memory`, where physical address 0 lies; those beyond `limit` bytes are taken as not there.
Result<Machine, AcpiError> read_acpi(const char* memory, std::uint64_t limit, std::uint64_t rsdp);

/// Looks for the package \_S5 in the bytes of a definition block (7.4.2) and takes the types to be
/// written into the PM1 control registers.
bool find_s5(const char* aml, std::size_t bytes, std::uint8_t& type_a, std::uint8_t& type_b);

}  // namespace candor::hardware
