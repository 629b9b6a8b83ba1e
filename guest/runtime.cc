// What compilers expect to find without asking: block memory functions and the
// few entry points that freestanding C++ still refers to.
// NOLINTBEGIN(readability-identifier-naming): the names are the compiler's.
#include <cstddef>
#include <cstdint>

#include "guest/panic.h"

// The string instructions are what current processors do best for blocks, and a
// loop here would be turned back into a call of the function it implements.
extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes) {
  void* result = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
  return result;
}

void* memmove(void* to, const void* from, std::size_t bytes) {
  void* result = to;
  const auto distance = reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from);
  if (distance >= bytes) return memcpy(to, from, bytes);
  // Overlapping, with `to` above: from the end. An upcall clears the direction flag and restores it.
  to = static_cast<char*>(to) + bytes - 1;
  from = static_cast<const char*>(from) + bytes - 1;
  __asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
  return result;
}

void* memset(void* to, int value, std::size_t bytes) {
  void* result = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return result;
}

int memcmp(const void* a, const void* b, std::size_t bytes) {
  const auto* x = static_cast<const volatile unsigned char*>(a);
  const auto* y = static_cast<const volatile unsigned char*>(b);
  for (std::size_t i = 0; i < bytes; i++)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

void* memchr(const void* in, int value, std::size_t bytes) {
  const auto* at = static_cast<const volatile unsigned char*>(in);
  for (std::size_t i = 0; i < bytes; i++)
    if (at[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(&at[i]);
  return nullptr;
}

std::size_t strlen(const char* text) {
  const volatile char* at = text;
  while (*at != 0) at++;
  return static_cast<std::size_t>(at - text);
}

void __cxa_pure_virtual() {
  candor::panic("a pure virtual function was called");
}
int atexit(void (*)()) {
  return 0;
}
int __cxa_atexit(void (*)(void*), void*, void*) {
  return 0;
}
void* __dso_handle = nullptr;
[[noreturn]] void abort() {
  candor::panic("abort() was called");
}
}

// Declared by the library with the older attribute, which a definition must repeat.
namespace std {
[[gnu::noreturn]] void __throw_out_of_range_fmt(const char* what, ...) {
  candor::panic("out of range: {}", what);
}
[[gnu::noreturn]] void __throw_length_error(const char* what) {
  candor::panic("too long: {}", what);
}
[[gnu::noreturn]] void __throw_logic_error(const char* what) {
  candor::panic("{}", what);
}
[[gnu::noreturn]] void __throw_bad_optional_access() {
  candor::panic("an empty optional was read");
}
}  // namespace std
// NOLINTEND(readability-identifier-naming)
