#include "guest/arch/x86_64/cpu.h"

#include <bit>

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
  // The last of ours ends there; what lies behind, AMX above all, may be four times as much.
  const auto last = static_cast<std::uint32_t>(std::bit_width(state.mask)) - 1;
  if (last >= 2) {
    const CpuidLeaf component = cpuid(0xd, last);
    state.bytes = component.a + component.b;
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
