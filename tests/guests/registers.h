// Registers full of patterns, and whether they still are. Needs AVX.
#pragma once

#include <cstdint>

#include "guest/arch/x86_64/cpu.h"

extern "C" {
std::uint32_t check_registers(const std::uint64_t* patterns, std::uint64_t spins);
/// Leaves other values in all extended registers. Not 0 if the register stack of
/// the x87 was not empty, as it must be wherever a function is called.
std::uint32_t clobber_extended();
}

namespace candor::test {

/// The processor has AVX, and the kernel has it enabled.
inline bool has_all_registers() {
  constexpr std::uint32_t kAvx = 4;
  return (kernel::detect_extended_state().mask & kAvx) != 0;
}

/// Fills all registers, spins so many times and says what was lost meanwhile:
/// 0 nothing, 1 general registers, 2 extended ones, 3 the red zone, 4 the carry
/// flag, 5 MXCSR or the x87 control word, 6 the x87 registers.
std::uint32_t lost_registers(std::uint64_t spins);

}  // namespace candor::test
