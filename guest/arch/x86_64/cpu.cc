#include "guest/arch/x86_64/cpu.h"

#include <algorithm>

#include "guest/arch/x86_64/cpuid.h"

namespace candor::kernel {
namespace {

// x87, SSE, AVX and AVX-512. Not PKRU and AMX, which nothing here uses.
constexpr std::uint32_t kOwned = 0xe7;

}  // namespace

ExtendedState detect_extended_state() {
  ExtendedState state;
  constexpr std::uint32_t kOsXsave = 1u << 27;
  if ((cpuid(1).c & kOsXsave) == 0) return state;
  state.xsave = true;
  std::uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  state.mask = low & kOwned;
  state.bytes = cpuid(0xd).b;  // for all that XCR0 enables: an upper bound of ours
  if (state.bytes > kMostExtendedBytes) {
    // With AMX it is, by far. Only then, since in a VM each CPUID takes long. In the standard format, which
    // is the largest (Intel SDM volume 1, 13.4).
    state.bytes = 576;
    for (std::uint32_t component = 2; component < 32; component++) {
      if ((state.mask >> component & 1) == 0) continue;
      const CpuidLeaf leaf = cpuid(0xd, component);
      state.bytes = std::max(state.bytes, leaf.b + leaf.a);
    }
  }
  state.compact = (cpuid(0xd, 1).a & 2) != 0;
  return state;
}

void* prepare_stack(void* top, void* thread) {
  constexpr std::uint64_t kControlWords = 0x037f'0000'1f80;  // x87 and MXCSR as at power-up
  auto* at = reinterpret_cast<std::uint64_t*>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15});
  // candor_thread_start is entered by `ret` and makes a call, so RSP must be a multiple of 16 there.
  *--at = 0;
  *--at = 0;
  *--at = reinterpret_cast<std::uint64_t>(&candor_thread_start);
  *--at = reinterpret_cast<std::uint64_t>(thread);  // rbx
  for (int i = 0; i < 5; i++) *--at = 0;            // rbp, r12 to r15
  *--at = kControlWords;
  return at;
}

}  // namespace candor::kernel
