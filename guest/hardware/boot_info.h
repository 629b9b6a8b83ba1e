// What a loader tells of the machine: by PVH's start information or Multiboot2's tags. Pure; tested on the
// host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace candor::hardware {

/// Physical memory that may be used.
struct MemoryRange {
  std::uint64_t begin = 0, end = 0;  // bytes
};

struct BootInfo {
  static constexpr std::size_t kMostRanges = 32;

  const char* loader = "";
  char cmdline[1024] = {};  // zero terminated; a longer one is cut
  bool cmdline_cut = false;
  MemoryRange ranges[kMostRanges];  // usable RAM, in the loader's order; more than these are left unused
  std::size_t range_count = 0;
  std::uint64_t rsdp = 0;  // address of ACPI's root pointer; 0: the loader does not know
};

enum class BootInfoError { kBadMagic, kNoMemoryMap };

/// `at`: struct hvm_start_info (xen/include/public/arch-x86/hvm/start_info.h), version 1 or later, as
/// memory maps came with that. Addresses in it are read through `memory`, where physical address 0 lies.
Result<BootInfo, BootInfoError> read_pvh(const char* memory, std::uint64_t at);

/// `at`: the Multiboot2 information structure (specification 2.0, 3.6).
Result<BootInfo, BootInfoError> read_multiboot2(const char* memory, std::uint64_t at);

/// The usable range that `address` lies in; empty if it lies in none.
MemoryRange range_of(const BootInfo& info, std::uint64_t address);

}  // namespace candor::hardware
