#include "guest/memory.h"

#include <new>

#include "guest/heap.h"
#include "guest/kernel_lock.h"
#include "guest/panic.h"

extern "C" char image_end[];  // arch/x86_64/guest.ld

namespace candor::kernel {
namespace {

constinit Heap heap;
Stack* free_stacks;

[[noreturn]] void out_of_memory(std::size_t bytes) {
  panic("out of memory: {} bytes asked for, {} of {} never used; give the VM more memory", bytes,
        heap.bytes_untouched(), heap.bytes_total());
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  void* memory;
  {
    KernelLock lock(kHeapLock);
    memory = heap.allocate(bytes, alignment);
  }
  if (memory == nullptr) out_of_memory(bytes);
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) return;
  HeapFault fault;
  {
    KernelLock lock(kHeapLock);
    fault = heap.release(memory);
  }
  switch (fault) {
    case HeapFault::kNone:
      return;
    case HeapFault::kNotAllocated:
      panic("delete: the memory at {} was not allocated by new, or what is before it was overwritten",
            memory);
    case HeapFault::kFreedTwice:
      panic("delete: the memory at {} was given back before", memory);
    case HeapFault::kOverrun:
      panic("delete: somebody has written beyond the {} bytes at {}", Heap::bytes_of(memory), memory);
  }
}

/// From now on nobody may touch this page, or all may again.
void protect(std::uint64_t page, std::uint32_t access) {
  if (!host_offers(CANDOR_FEATURE_PROTECT)) return;
  Masked masked;
  const std::int64_t result = call_host(CANDOR_CALL_PROTECT, page, kPageBytes, access);
  if (result != CANDOR_OK) panic("the guard page of a stack cannot be had: the host answers {}", result);
}
void guard(std::uint64_t page) {
  protect(page, CANDOR_PROT_NONE);
}

}  // namespace

void start_memory() {
  const std::uint64_t boot_stacks = std::uint64_t{host_page().vcpu_count} * CANDOR_BOOT_STACK_BYTES;
  const std::uint64_t first_stack = host_page().ram_base + host_page().ram_bytes - boot_stacks;
  heap = Heap(reinterpret_cast<std::uintptr_t>(image_end), first_stack);
  for (std::uint64_t at = 0; at < boot_stacks; at += CANDOR_BOOT_STACK_BYTES) guard(first_stack + at);
}

Stack* allocate_stack(std::size_t bytes) {
  {
    KernelLock lock(kHeapLock);
    for (Stack** at = &free_stacks; *at != nullptr; at = &(*at)->next_free) {
      if ((*at)->bytes != bytes) continue;
      Stack* found = *at;
      *at = found->next_free;
      return found;
    }
  }
  auto* stack = new Stack{nullptr, bytes, nullptr};
  char* pages;
  {
    KernelLock lock(kHeapLock);
    pages = static_cast<char*>(heap.allocate_pages(bytes / kPageBytes + 1));
  }
  if (pages == nullptr) out_of_memory(bytes);
  stack->bottom = pages + kPageBytes;
  guard(reinterpret_cast<std::uint64_t>(pages));
  return stack;
}

void free_stack(Stack* stack) {
  KernelLock lock(kHeapLock);
  stack->next_free = free_stacks;
  free_stacks = stack;
}

Stack adopt_stack(std::byte* memory, std::size_t bytes) {
  guard(reinterpret_cast<std::uint64_t>(memory));
  return {reinterpret_cast<char*>(memory) + kPageBytes, bytes - kPageBytes, nullptr};
}

void give_back_stack(const Stack& stack) {
  protect(reinterpret_cast<std::uint64_t>(stack.bottom) - kPageBytes, CANDOR_PROT_WRITE);
}

std::size_t untouched_memory() {
  return heap.bytes_untouched();
}

MemoryUse memory_use() {
  KernelLock lock(kHeapLock);
  return {.total = heap.bytes_total(), .untouched = heap.bytes_untouched(), .in_blocks = heap.bytes_in_use()};
}

std::size_t stack_untouched(const Stack& stack) {
  const auto* words = reinterpret_cast<const volatile std::uint64_t*>(stack.bottom);
  std::size_t i = 0;
  while (i < stack.bytes / sizeof *words && words[i] == 0) i++;
  return i * sizeof *words;
}

}  // namespace candor::kernel

// ------------------------------------------------------------- new and delete

using candor::kernel::allocate;
using candor::kernel::release;

void* operator new(std::size_t bytes) {
  return allocate(bytes, 16);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes, 16);
}
void* operator new(std::size_t bytes, std::align_val_t a) {
  return allocate(bytes, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t bytes, std::align_val_t a) {
  return allocate(bytes, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept {
  release(p);
}
void operator delete[](void* p) noexcept {
  release(p);
}
void operator delete(void* p, std::size_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  release(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  release(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  release(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  release(p);
}
