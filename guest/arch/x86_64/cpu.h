// What the kernel does by instructions: masking upcalls, reading the TSC,
// switching stacks, keeping the extended state of preempted threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/candor.h"
#include "guest/arch/x86_64/layout.h"

static_assert(VCPU_PENDING == __builtin_offsetof(candor_guest_vcpu, pending));
static_assert(VCPU_MASKED == __builtin_offsetof(candor_guest_vcpu, masked));
static_assert(VCPU_GUEST_WORD == __builtin_offsetof(candor_guest_vcpu, guest_word));

extern "C" {
void candor_upcall();
void candor_switch(void** save_sp, void* load_sp);
void candor_thread_start();
}

namespace candor::kernel {

inline std::uint64_t read_tsc() {
  std::uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
  return std::uint64_t{high} << 32 | low;
}

inline void relax() {
  __asm__ volatile("pause" ::: "memory");
}

/// Index of the vCPU this runs on. It holds only while upcalls are masked: an
/// unmasked thread may be moved to another vCPU at any instruction.
inline std::uint32_t this_vcpu_index() {
  std::uint32_t index;
  __asm__ volatile("movl %%gs:%c1, %0" : "=r"(index) : "i"(VCPU_GUEST_WORD) : "memory");
  return index;
}

// Masking is one instruction relative to gs, so a thread never masks a vCPU that it has just left.
inline bool upcalls_masked() {
  std::uint32_t masked;
  __asm__ volatile("movl %%gs:%c1, %0" : "=r"(masked) : "i"(VCPU_MASKED) : "memory");
  return masked != 0;
}
inline void mask_upcalls() {
  __asm__ volatile("movl $1, %%gs:%c0" ::"i"(VCPU_MASKED) : "memory");
}
/// Unmasks; true if something is pending, which the host will not tell again.
inline bool unmask_upcalls_and_look() {
  std::uint32_t zero = 0, pending;
  __asm__ volatile("xchgl %0, %%gs:%c1" : "+r"(zero) : "i"(VCPU_MASKED) : "memory");
  __asm__ volatile("movl %%gs:%c1, %0" : "=r"(pending) : "i"(VCPU_PENDING) : "memory");
  return pending != 0;
}

/// The synthetic instruction in its trapping form, which needs no call entry. Its other
/// arguments are left as they happen to be: for IDENTIFY only.
inline std::uint64_t trap_identify() {
  std::uint64_t result = CANDOR_CALL_IDENTIFY;
  __asm__ volatile(CANDOR_TRAP : "+a"(result)::"memory");
  return result;
}

/// Most that the extended state of a thread takes, in bytes, on processors that there are: 2688 with AVX-512.
constexpr std::uint32_t kMostExtendedBytes = 4096;
/// Which components of the extended state a thread owns, and how much memory they take.
struct ExtendedState {
  std::uint32_t mask = 3;
  std::uint32_t bytes = 576;
  bool xsave = false;    // not on processors without it: FXSAVE, for x87 and SSE
  bool compact = false;  // XSAVEC: smaller, and skips what is in its initial state
};
ExtendedState detect_extended_state();

inline void save_extended(const ExtendedState& how, void* to) {
  if (how.compact)
    __asm__ volatile("xsavec64 (%0)" ::"r"(to), "a"(how.mask), "d"(0) : "memory");
  else if (!how.xsave)
    __asm__ volatile("fxsave64 (%0)" ::"r"(to) : "memory");
  else
    __asm__ volatile("xsave64 (%0)" ::"r"(to), "a"(how.mask), "d"(0) : "memory");
}
/// The register stack of the x87 empty, as each thread expects to find it where it is not in the
/// middle of a computation. XSAVE leaves it as it is, and candor_switch() loads control words only.
inline void empty_x87() {
  __asm__ volatile("fninit" ::: "memory");
}
inline void restore_extended(const ExtendedState& how, const void* from) {
  if (how.xsave)
    __asm__ volatile("xrstor64 (%0)" ::"r"(from), "a"(how.mask), "d"(0) : "memory");
  else
    __asm__ volatile("fxrstor64 (%0)" ::"r"(from) : "memory");
}

/// Prepares a stack on which candor_switch() will find its way to candor_thread_start.
void* prepare_stack(void* top, void* thread);

}  // namespace candor::kernel
