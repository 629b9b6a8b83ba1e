// What each processor of a machine of its own has to itself: descriptor tables, stacks for interrupts, its
// timer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "guest/arch/x86_64/cpu.h"

namespace candor::hardware {

/// Stacks of the interrupt stack table (Intel SDM volume 3A, 6.14.5). All that may come while another is
/// being served has one of its own.
enum StackIndex : std::uint8_t {
  kInterruptStack = 1,
  kFaultStack,
  kNmiStack,
  kDoubleFaultStack,
  kMachineCheckStack
};
constexpr std::size_t kStacks = 5;
constexpr std::size_t kStackBytes = 8192;

struct alignas(4096) Processor {
  char stacks[kStacks][kStackBytes];

  std::uint32_t apic_id;
  Time timer_at;               // of CANDOR_CALL_SET_TIMER; never: off
  Time wait_until;             // of CANDOR_CALL_NO_WORK; never: not waiting, or for no time
  std::uint64_t flushes_seen;  // atomic

  std::uint64_t gdt[5];
  struct [[gnu::packed]] TaskState {  // 7.7
    std::uint32_t reserved0;
    std::uint64_t privilege_stacks[3];
    std::uint64_t reserved1;
    std::uint64_t interrupt_stacks[7];
    std::uint64_t reserved2;
    std::uint16_t reserved3;
    std::uint16_t permissions;
  } task;

  /// The one this runs on. Interrupts or upcalls off.
  static Processor& here() { return all[kernel::this_vcpu_index()]; }

  static Processor* all;
  static std::uint32_t count;
};

/// What is pushed when an interrupt comes (traps.S).
struct Frame {
  std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  std::uint64_t vector, error;
  std::uint64_t rip, cs, rflags, rsp, ss;
};

/// Descriptor tables, features that the kernel uses, the local APIC and the base of gs. On the processor
/// itself, with interrupts off and the kernel's page tables in force.
void set_up_processor(std::uint32_t index);

/// Sets this processor's timer for the earlier of its two times. Interrupts off.
void arm_timer(const Processor& processor);
/// How arm_timer() turns times into ticks; before the first use of it.
void use_timer(std::uint64_t tsc_hz, std::uint64_t apic_timer_hz);

/// Has every processor forget what it knows of page tables, and waits until they have.
void flush_translations();

/// The other side of that, on each of them.
void on_flush();

}  // namespace candor::hardware
