#include "guest/heap.h"

#include <bit>

namespace candor::kernel {

std::uintptr_t Heap::carve(std::size_t bytes, std::size_t alignment) {
  const std::uintptr_t at = (next_ + alignment - 1) & ~(alignment - 1);
  if (at < next_ || at > end_ || bytes > end_ - at) return 0;
  next_ = at + bytes;
  return at;
}

void* Heap::allocate(std::size_t bytes, std::size_t alignment) {
  if (alignment < 16) alignment = 16;
  // Room for the header and for moving up to the alignment; blocks themselves are aligned to 16.
  const std::size_t need = bytes + sizeof(Header) + sizeof kCanary + (alignment - 16);
  if (need < bytes || need > end_ - begin_ || bytes > UINT32_MAX) return nullptr;
  unsigned size_class = static_cast<unsigned>(std::bit_width(need - 1));
  if (size_class < kSmallest) size_class = kSmallest;

  std::uintptr_t block;
  if (Free* head = free_[size_class]; head != nullptr) {
    free_[size_class] = head->next;
    block = reinterpret_cast<std::uintptr_t>(head);
  } else {
    block = carve(std::size_t{1} << size_class, 16);
    if (block == 0) return nullptr;
  }
  const std::uintptr_t memory = (block + sizeof(Header) + alignment - 1) & ~(alignment - 1);
  auto* header = reinterpret_cast<Header*>(memory) - 1;
  *header = {size_class, static_cast<std::uint32_t>(memory - block), kInUse,
             static_cast<std::uint32_t>(bytes)};
  __builtin_memcpy(reinterpret_cast<char*>(memory) + bytes, &kCanary, sizeof kCanary);
  in_use_ += std::size_t{1} << size_class;
  return reinterpret_cast<void*>(memory);
}

HeapFault Heap::release(void* memory) {
  if (memory == nullptr) return HeapFault::kNone;
  const auto at = reinterpret_cast<std::uintptr_t>(memory);
  if (at % 16 != 0 || at < begin_ + sizeof(Header) || at >= next_) return HeapFault::kNotAllocated;
  auto* header = static_cast<Header*>(memory) - 1;
  if (header->mark == kFree) return HeapFault::kFreedTwice;
  if (header->mark != kInUse || header->size_class >= kClasses || header->bytes > next_ - at ||
      header->offset > at - begin_)
    return HeapFault::kNotAllocated;
  if (__builtin_memcmp(static_cast<char*>(memory) + header->bytes, &kCanary, sizeof kCanary) != 0)
    return HeapFault::kOverrun;
  header->mark = kFree;
  const unsigned size_class = header->size_class;
  in_use_ -= std::size_t{1} << size_class;
  auto* block = reinterpret_cast<Free*>(static_cast<char*>(memory) - header->offset);
  block->next = free_[size_class];
  free_[size_class] = block;
  return HeapFault::kNone;
}

void* Heap::allocate_pages(std::size_t pages) {
  if (pages > (end_ - begin_) / 4096) return nullptr;
  return reinterpret_cast<void*>(carve(pages * 4096, 4096));
}

}  // namespace candor::kernel
