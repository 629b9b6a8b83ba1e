// Privileged registers and ports.
#pragma once

#include <cstdint>

#include "guest/arch/x86_64/cpuid.h"

namespace candor::hardware {

inline void out8(std::uint16_t port, std::uint8_t value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
inline void out16(std::uint16_t port, std::uint16_t value) {
  __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}
inline void out32(std::uint16_t port, std::uint32_t value) {
  __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}
inline std::uint8_t in8(std::uint16_t port) {
  std::uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline std::uint16_t in16(std::uint16_t port) {
  std::uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline std::uint32_t in32(std::uint16_t port) {
  std::uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

enum Msr : std::uint32_t {
  kApicBase = 0x1b,
  kTscDeadline = 0x6e0,
  kX2Apic = 0x800,  // and its registers
  kGsBase = 0xc0000101,
};

inline std::uint64_t read_msr(std::uint32_t msr) {
  std::uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return std::uint64_t{high} << 32 | low;
}
inline void write_msr(std::uint32_t msr, std::uint64_t value) {
  __asm__ volatile("wrmsr" ::"a"(static_cast<std::uint32_t>(value)),
                   "d"(static_cast<std::uint32_t>(value >> 32)), "c"(msr)
                   : "memory");
}

inline std::uint64_t read_cr2() {
  std::uint64_t value;
  __asm__ volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}
inline void write_cr3(std::uint64_t value) {
  __asm__ volatile("mov %0, %%cr3" ::"r"(value) : "memory");
}
inline std::uint64_t read_cr3() {
  std::uint64_t value;
  __asm__ volatile("mov %%cr3, %0" : "=r"(value));
  return value;
}
inline std::uint64_t read_cr0() {
  std::uint64_t value;
  __asm__ volatile("mov %%cr0, %0" : "=r"(value));
  return value;
}
inline void write_cr0(std::uint64_t value) {
  __asm__ volatile("mov %0, %%cr0" ::"r"(value) : "memory");
}
inline std::uint64_t read_cr4() {
  std::uint64_t value;
  __asm__ volatile("mov %%cr4, %0" : "=r"(value));
  return value;
}
inline void write_cr4(std::uint64_t value) {
  __asm__ volatile("mov %0, %%cr4" ::"r"(value) : "memory");
}

using kernel::cpuid;
using kernel::CpuidLeaf;

inline void interrupts_off() {
  __asm__ volatile("cli" ::: "memory");
}
inline void interrupts_on() {
  __asm__ volatile("sti" ::: "memory");
}
/// Sleeps until an interrupt has been served. None is lost between this and what was looked at with
/// interrupts off.
inline void interrupts_on_and_halt() {
  __asm__ volatile("sti; hlt; cli" ::: "memory");
}

/// Keeps interrupts out for a scope; they are as they were afterwards.
class InterruptsOff {
 public:
  InterruptsOff() { __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags_)::"memory"); }
  ~InterruptsOff() {
    if ((flags_ & 0x200) != 0) interrupts_on();
  }
  InterruptsOff(const InterruptsOff&) = delete;
  InterruptsOff& operator=(const InterruptsOff&) = delete;

 private:
  std::uint64_t flags_;
};

}  // namespace candor::hardware
