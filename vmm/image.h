// Guest images: ELF64 executables with Candor's note (docs/abi.md §2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace candor::vmm {

/// A checked image. Everything in it lies in the RAM it was checked against:
/// segments are page-aligned, ascending, disjoint, never both writable and executable.
struct Image {
  struct Segment {
    std::uint64_t address;  // in the guest; a multiple of the page size
    std::uint64_t bytes;    // in memory, rounded up to pages
    std::uint64_t offset;   // of its contents in `contents`
    std::uint64_t content_bytes;
    bool writable;
    bool executable;
  };
  /// What the segments hold, and nothing else of the file: every VM's process is a fork of
  /// the one that has read it, and a fork takes the longer the more there is.
  std::vector<std::byte> contents;
  std::vector<Segment> segments;
  std::uint64_t entry = 0;
};

/// Reads and checks `path` for a VM with `memory_bytes` of RAM and `vcpus`
/// vCPUs. The error is a sentence without the file's name.
Result<Image, std::string> read_image(const std::filesystem::path& path, std::uint64_t memory_bytes,
                                      std::uint32_t vcpus);

/// The same from bytes already in memory.
Result<Image, std::string> parse_image(std::span<const std::byte> file, std::uint64_t memory_bytes,
                                       std::uint32_t vcpus);

/// Writes the image into zeroed RAM, a file whose first byte has guest address CANDOR_RAM_BASE.
/// By writing, since that costs no page fault. Error: errno.
Result<Done, int> load_image(const Image& image, int ram_fd);

}  // namespace candor::vmm
