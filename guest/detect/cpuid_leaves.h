// What a processor's CPUID leaves say about a hypervisor. Pure: the leaves are given by the caller. Tested on
// the host, by tables of what the vendors document.
#pragma once

#include <cstdint>

#include "guest/arch/x86_64/cpuid.h"
#include "guest/detect/verdict.h"

namespace candor::detect {

/// Where leaves come from: the processor, or a test.
struct CpuidSource {
  kernel::CpuidLeaf (*read)(const void* context, std::uint32_t leaf, std::uint32_t subleaf);
  const void* context = nullptr;

  [[nodiscard]] kernel::CpuidLeaf operator()(std::uint32_t leaf, std::uint32_t subleaf = 0) const {
    return read(context, leaf, subleaf);
  }
};
/// Leaves of the processor this runs on. Each costs an exit below a hypervisor.
CpuidSource this_processor();

/// Certain of a hypervisor that shows itself: by bit 31 of ECX of leaf 1, which processors keep 0, or by a
/// signature in one of the leaves 40000000H, 40000100H and so on. Without either it says "perhaps hardware".
Finding by_cpuid(const CpuidSource& cpuid);

/// What the hypervisor says of clocks, in Hz; 0: nothing, or nothing that can be.
struct ToldFrequencies {
  std::uint64_t tsc_hz = 0;
  std::uint64_t apic_bus_hz = 0;  // the local APIC's timer, before its divisor
  const char* source = "";
};
/// Of those that document it only (docs/detection.md): leaf 40000010H of KVM, VMware and ACRN, leaf 3 of
/// Xen's, and the registers of Hyper-V's interface, whoever offers it. `read_msr` is called for these alone,
/// and if CPUID says that they are there. Needs privilege, with a `read_msr` that reads the processor's.
ToldFrequencies told_frequencies(const CpuidSource& cpuid, std::uint64_t (*read_msr)(std::uint32_t msr));

}  // namespace candor::detect
