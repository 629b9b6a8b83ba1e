// The kernel's memory: a heap for everybody, and stacks with guard pages.
#pragma once

#include <cstddef>
#include <cstdint>

namespace candor::kernel {

/// Everything from the end of the image to the boot stacks. Once, at boot.
void start_memory();

constexpr std::size_t kPageBytes = 4096;

/// Described apart from the stack itself, so that an overflow cannot reach it.
struct Stack {
  char* bottom;  // above an inaccessible page
  std::size_t bytes;
  Stack* next_free;

  [[nodiscard]] char* top() const { return bottom + bytes; }
};

/// Of `bytes`, a multiple of the page size.
Stack* allocate_stack(std::size_t bytes);
void free_stack(Stack* stack);
/// A stack in memory of somebody's own, both multiples of the page size: its first page becomes inaccessible,
/// until it is given back.
Stack adopt_stack(std::byte* memory, std::size_t bytes);
void give_back_stack(const Stack& stack);

/// What is left that has never been used.
std::size_t untouched_memory();

struct MemoryUse {
  std::size_t total;      // bytes, of everything from the end of the image to the boot stacks
  std::size_t untouched;  // never used
  std::size_t in_blocks;  // of the heap, given out; the rest is in stacks, or free to be given out again
};
MemoryUse memory_use();

/// How much of a stack at its end nobody who has had it has ever written to, by its being zero: memory comes
/// zeroed from Candor and QEMU; elsewhere the answer may be too small.
std::size_t stack_untouched(const Stack& stack);

}  // namespace candor::kernel
