// Ports of devices. Each access costs a trap where the processor is virtual.
#pragma once

#include <cstdint>

namespace candor::kernel {

inline void write_port(std::uint16_t port, std::uint8_t value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "d"(port) : "memory");
}
inline std::uint8_t read_port(std::uint16_t port) {
  std::uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port) : "memory");
  return value;
}

}  // namespace candor::kernel
