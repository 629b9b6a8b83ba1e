// Memory by powers of two: a free list for each size, filled from a bump
// pointer. Allocation and release take constant time, which matters because
// other vCPUs may wait meanwhile. Not synchronized; the kernel does that.
// Pure; tested on the host.
#pragma once

#include <cstddef>
#include <cstdint>

namespace candor::kernel {

class Heap {
 public:
  Heap() = default;
  Heap(std::uintptr_t begin, std::uintptr_t end) : next_(begin), begin_(begin), end_(end) {}

  /// Memory of at least `bytes`, aligned to 16, or nullptr.
  void* allocate(std::size_t bytes, std::size_t alignment = 16);
  /// Takes back what allocate() gave; nullptr does nothing.
  void release(void* memory);

  /// Whole pages, for stacks: page-aligned, of exactly the size asked for.
  void* allocate_pages(std::size_t pages);

  [[nodiscard]] std::size_t bytes_total() const { return end_ - begin_; }
  [[nodiscard]] std::size_t bytes_untouched() const { return end_ - next_; }

 private:
  static constexpr unsigned kSmallest = 5;  // 32 bytes
  static constexpr unsigned kClasses = 40;

  struct Free {
    Free* next;
  };
  /// Stands before each block that is in use.
  struct Header {
    std::uint32_t size_class;
    std::uint32_t offset;  // from the start of the block to the memory given out
    std::uint64_t mark;
  };
  static constexpr std::uint64_t kMark = 0x636e64724d454d21;

  std::uintptr_t carve(std::size_t bytes, std::size_t alignment);

  std::uintptr_t next_ = 0;
  std::uintptr_t begin_ = 0;
  std::uintptr_t end_ = 0;
  Free* free_[kClasses] = {};
};

}  // namespace candor::kernel
