// Memory by powers of two: a free list for each size, filled from a bump
// pointer. What is given back wrongly, or was written beyond, is told. Allocation and release take constant
// time, which matters because other vCPUs may wait meanwhile. Not synchronized; the kernel does that. Pure;
// tested on the host.
#pragma once

#include <cstddef>
#include <cstdint>

namespace candor::kernel {

/// What is wrong with a pointer that is given back.
enum class HeapFault : std::uint8_t { kNone, kNotAllocated, kFreedTwice, kOverrun };

class Heap {
 public:
  Heap() = default;
  Heap(std::uintptr_t begin, std::uintptr_t end) : next_(begin), begin_(begin), end_(end) {}

  /// Memory of at least `bytes`, aligned to 16, or nullptr.
  void* allocate(std::size_t bytes, std::size_t alignment = 16);
  /// Takes back what allocate() gave; nullptr does nothing. Anything else changes nothing and is told, as far
  /// as it can be seen: a block that has been given to somebody else since then is his.
  [[nodiscard]] HeapFault release(void* memory);
  /// How much was asked for when `memory` was allocated.
  static std::size_t bytes_of(const void* memory) { return (static_cast<const Header*>(memory) - 1)->bytes; }

  /// Whole pages, for stacks: page-aligned, of exactly the size asked for.
  void* allocate_pages(std::size_t pages);

  [[nodiscard]] std::size_t bytes_total() const { return end_ - begin_; }
  [[nodiscard]] std::size_t bytes_untouched() const { return end_ - next_; }
  /// In blocks of all sizes that are given out, what they take and not what was asked for; without whole
  /// pages.
  [[nodiscard]] std::size_t bytes_in_use() const { return in_use_; }

 private:
  static constexpr unsigned kSmallest = 5;  // 32 bytes
  static constexpr unsigned kClasses = 40;

  struct Free {
    Free* next;
  };
  /// Stands before the memory given out. In a free block a link may lie over its first two words.
  struct Header {
    std::uint32_t size_class;
    std::uint32_t offset;  // from the start of the block to the memory given out
    std::uint32_t mark;
    std::uint32_t bytes;  // that were asked for; behind them a canary
  };
  static constexpr std::uint32_t kInUse = 0x6d656d21, kFree = 0x66726565;
  static constexpr std::uint64_t kCanary = 0x636e64724d454d21;

  std::uintptr_t carve(std::size_t bytes, std::size_t alignment);

  std::uintptr_t next_ = 0;
  std::uintptr_t begin_ = 0;
  std::uintptr_t end_ = 0;
  std::size_t in_use_ = 0;
  Free* free_[kClasses] = {};
};

}  // namespace candor::kernel
