#include "guest/hardware/boot_info.h"

#include "guest/hardware/bytes.h"

namespace candor::hardware {
namespace {

constexpr std::uint32_t kPvhMagic = 0x336ec578;
constexpr std::uint32_t kUsable = 1;  // both formats number memory as the BIOS's E820 does

void take_cmdline(BootInfo& info, const char* from, std::size_t most) {
  std::size_t length = 0;
  while (length < most && from[length] != 0) {
    if (length + 1 == sizeof info.cmdline) {
      info.cmdline_cut = true;
      break;
    }
    info.cmdline[length] = from[length];
    length++;
  }
}

void add_range(BootInfo& info, std::uint64_t begin, std::uint64_t bytes, std::uint32_t type) {
  if (type != kUsable || bytes == 0 || begin + bytes < begin || info.range_count == BootInfo::kMostRanges)
    return;
  info.ranges[info.range_count++] = {begin, begin + bytes};
}

}  // namespace

Result<BootInfo, BootInfoError> read_pvh(const char* memory, std::uint64_t at) {
  const char* start = memory + at;
  if (read_bytes<std::uint32_t>(start) != kPvhMagic) return Error{BootInfoError::kBadMagic};
  if (read_bytes<std::uint32_t>(start + 4) < 1) return Error{BootInfoError::kNoMemoryMap};
  BootInfo info;
  info.loader = "PVH";
  if (const auto cmdline = read_bytes<std::uint64_t>(start + 24); cmdline != 0)
    take_cmdline(info, memory + cmdline, SIZE_MAX);
  info.rsdp = read_bytes<std::uint64_t>(start + 32);
  const char* map = memory + read_bytes<std::uint64_t>(start + 40);
  const auto entries = read_bytes<std::uint32_t>(start + 48);
  for (std::uint32_t i = 0; i < entries; i++, map += 24)
    add_range(info, read_bytes<std::uint64_t>(map), read_bytes<std::uint64_t>(map + 8),
              read_bytes<std::uint32_t>(map + 16));
  if (info.range_count == 0) return Error{BootInfoError::kNoMemoryMap};
  return info;
}

Result<BootInfo, BootInfoError> read_multiboot2(const char* memory, std::uint64_t at) {
  constexpr std::uint32_t kEnd = 0, kCmdline = 1, kMemoryMap = 6, kOldRsdp = 14, kNewRsdp = 15;
  const char* tag = memory + at + 8;
  const char* const end = memory + at + read_bytes<std::uint32_t>(memory + at);
  BootInfo info;
  info.loader = "Multiboot2";
  while (end - tag >= 8) {
    const auto type = read_bytes<std::uint32_t>(tag), bytes = read_bytes<std::uint32_t>(tag + 4);
    if (type == kEnd || bytes < 8 || bytes > static_cast<std::size_t>(end - tag)) break;
    if (type == kCmdline) take_cmdline(info, tag + 8, bytes - 8);
    // The tag holds a copy of the pointer itself.
    if (type == kNewRsdp || (type == kOldRsdp && info.rsdp == 0))
      info.rsdp = static_cast<std::uint64_t>(tag + 8 - memory);
    if (type == kMemoryMap && bytes >= 16) {
      const auto entry_bytes = read_bytes<std::uint32_t>(tag + 8);
      if (entry_bytes < 24) break;
      for (const char* entry = tag + 16; entry + entry_bytes <= tag + bytes; entry += entry_bytes)
        add_range(info, read_bytes<std::uint64_t>(entry), read_bytes<std::uint64_t>(entry + 8),
                  read_bytes<std::uint32_t>(entry + 16));
    }
    tag += (std::uint64_t{bytes} + 7) & ~std::uint64_t{7};
  }
  if (info.range_count == 0) return Error{BootInfoError::kNoMemoryMap};
  return info;
}

MemoryRange range_of(const BootInfo& info, std::uint64_t address) {
  for (std::size_t i = 0; i < info.range_count; i++)
    if (info.ranges[i].begin <= address && address < info.ranges[i].end) return info.ranges[i];
  return {};
}

}  // namespace candor::hardware
