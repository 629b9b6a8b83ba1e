// How fast the time-stamp counter and the local APIC's timer run.
#pragma once

#include <cstdint>

#include "guest/hardware/acpi.h"

namespace candor::hardware {

struct Frequencies {
  std::uint64_t tsc_hz = 0;
  std::uint64_t apic_timer_hz = 0;  // with its divisor; 0: not measured, as TSC deadlines do without
  const char* source = "";          // of the first
};

/// The TSC's where a hypervisor (detect/cpuid_leaves.h) or the processor (CPUID leaf 15H) tells it, the
/// timer's where a hypervisor does; else by 10 ms of ACPI's timer or the programmable interval timer. The
/// local APIC's timer must be set to TSC deadlines where there are any, else to one shot.
Frequencies measure_frequencies(const Machine& machine);

/// Waits by the TSC.
void wait_us(std::uint32_t us);

}  // namespace candor::hardware
