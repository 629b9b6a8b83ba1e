// The instruction CPUID.
#pragma once

#include <cstdint>

namespace candor::kernel {

struct CpuidLeaf {
  std::uint32_t a, b, c, d;

  bool operator==(const CpuidLeaf&) const = default;
};

inline CpuidLeaf cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  CpuidLeaf out;
  __asm__ volatile("cpuid" : "=a"(out.a), "=b"(out.b), "=c"(out.c), "=d"(out.d) : "a"(leaf), "c"(subleaf));
  return out;
}

}  // namespace candor::kernel
