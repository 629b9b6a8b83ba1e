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
    std::uint64_t file_offset;
    std::uint64_t file_bytes;
    bool writable;
    bool executable;
  };
  std::vector<std::byte> file;
  std::vector<Segment> segments;
  std::uint64_t entry = 0;
};

/// Reads and checks `path` for a VM with `memory_bytes` of RAM and `vcpus`
/// vCPUs. The error is a sentence without the file's name.
Result<Image, std::string> read_image(const std::filesystem::path& path, std::uint64_t memory_bytes,
                                      std::uint32_t vcpus);

/// The same from bytes already in memory.
Result<Image, std::string> parse_image(std::vector<std::byte> file, std::uint64_t memory_bytes,
                                       std::uint32_t vcpus);

/// Copies the image into zeroed RAM, whose first byte has guest address CANDOR_RAM_BASE.
void load_image(const Image& image, std::span<std::byte> ram);

}  // namespace candor::vmm
