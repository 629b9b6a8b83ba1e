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
  const std::size_t need = bytes + sizeof(Header) + (alignment - 16);
  if (need < bytes || need > end_ - begin_) return nullptr;
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
  *header = {size_class, static_cast<std::uint32_t>(memory - block), kMark};
  return reinterpret_cast<void*>(memory);
}

void Heap::release(void* memory) {
  if (memory == nullptr) return;
  auto* header = static_cast<Header*>(memory) - 1;
  // A second release, or a stray pointer: going on would hand the same memory out twice.
  if (header->mark != kMark || header->size_class >= kClasses) __builtin_trap();
  header->mark = 0;
  const unsigned size_class = header->size_class;
  auto* block = reinterpret_cast<Free*>(static_cast<char*>(memory) - header->offset);
  block->next = free_[size_class];
  free_[size_class] = block;
}

void* Heap::allocate_pages(std::size_t pages) {
  if (pages > (end_ - begin_) / 4096) return nullptr;
  return reinterpret_cast<void*>(carve(pages * 4096, 4096));
}

}  // namespace candor::kernel
