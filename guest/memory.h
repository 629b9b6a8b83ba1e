// The kernel's memory: a heap for everybody, and stacks with guard pages.
#pragma once

#include <cstddef>
#include <cstdint>

namespace candor::kernel {

/// Everything from the end of the image to the boot stacks. Once, at boot.
void start_memory();

/// A stack of `bytes`, a multiple of the page size, above an inaccessible page.
void* allocate_stack(std::size_t bytes);
void free_stack(void* stack);
void* stack_top(void* stack);

/// What is left that has never been used.
std::size_t untouched_memory();

struct MemoryUse {
  std::size_t total;      // bytes, of everything from the end of the image to the boot stacks
  std::size_t untouched;  // never used
  std::size_t in_blocks;  // of the heap, given out; the rest is in stacks, or free to be given out again
};
MemoryUse memory_use();

/// How large a stack is, and how much of it at its end nobody who has had it has ever written to, by its
/// being zero: memory comes zeroed from Candor and QEMU; elsewhere the answer may be too small.
std::size_t stack_bytes(const void* stack);
std::size_t stack_untouched(const void* stack);

}  // namespace candor::kernel
