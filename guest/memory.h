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

}  // namespace candor::kernel
