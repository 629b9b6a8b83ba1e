// What comes by interrupt: times, notifications, devices, and faults.
#include "guest/area.h"
#include "guest/hardware/apic.h"
#include "guest/hardware/host.h"
#include "guest/hardware/processor.h"
#include "guest/hardware/registers.h"
#include "guest/inspect.h"
#include "guest/panic.h"
#include "guest/vcpu.h"

namespace candor::hardware {
namespace {

using kernel::peek;
using kernel::put;

candor_guest_vcpu& own_page() {
  return kernel::vcpu_page(kernel::this_vcpu_index());
}

void on_timer() {
  Processor& p = Processor::here();
  const Time t = now();
  if (p.timer_at <= t) {
    p.timer_at = Time::never();
    __atomic_fetch_or(&own_page().pending, CANDOR_PENDING_TIMER, __ATOMIC_SEQ_CST);
  }
  if (p.wait_until <= t) p.wait_until = Time::never();  // its waiter looks at the clock
  arm_timer(p);
}

/// As docs/abi.md §8 has it.
void divert(Frame& frame) {
  constexpr std::uint64_t kTrap = 1 << 8, kDirection = 1 << 10, kAlignment = 1 << 18;
  candor_guest_vcpu& page = own_page();
  if ((peek(page.pending) & ~CANDOR_PENDING_CLAIMS) == 0 || peek(page.masked) != 0 || page.upcall_entry == 0)
    return;
  put(page.masked, 1u);
  frame.rsp -= 144;
  auto* below_red_zone = reinterpret_cast<std::uint64_t*>(frame.rsp);
  below_red_zone[0] = frame.rflags;
  below_red_zone[1] = frame.rip;
  frame.rip = page.upcall_entry;
  frame.rflags &= ~(kTrap | kDirection | kAlignment);
}

/// VMCPUID, which on a machine of its own is what it says: undefined. It is passed over, with no answer in
/// RAX.
bool pass_over_trap(Frame& frame) {
  static const char kTrapBytes[] = {0x0f, static_cast<char>(0xb9), static_cast<char>(0x80), 0x43, 0x4e, 0x44,
                                    0x52};
  static_assert(sizeof kTrapBytes == CANDOR_TRAP_BYTES);
  if (__builtin_memcmp(reinterpret_cast<const char*>(frame.rip), kTrapBytes, sizeof kTrapBytes) != 0)
    return false;
  host.trap_is_undefined = true;
  frame.rip += sizeof kTrapBytes;
  frame.rax = 0;
  return true;
}

const char* name_of(std::uint64_t vector) {
  static const char* const kNames[] = {"division by zero",
                                       "debug",
                                       "non-maskable interrupt",
                                       "breakpoint",
                                       "overflow",
                                       "bound exceeded",
                                       "undefined instruction",
                                       "no coprocessor",
                                       "double fault",
                                       "",
                                       "bad task state",
                                       "segment not present",
                                       "stack segment",
                                       "general protection",
                                       "page fault",
                                       "",
                                       "x87 error",
                                       "misaligned access",
                                       "machine check",
                                       "SIMD error"};
  return vector < std::size(kNames) ? kNames[vector] : "exception";
}

[[noreturn]] void fault(const Frame& frame) {
  constexpr std::uint64_t kPageFault = 14;
  const kernel::Registers registers = {frame.rip, frame.rsp, frame.rbp, frame.rflags, frame.rax, frame.rbx,
                                       frame.rcx, frame.rdx, frame.rsi, frame.rdi,    frame.r8,  frame.r9,
                                       frame.r10, frame.r11, frame.r12, frame.r13,    frame.r14, frame.r15};
  const FormatArgument arguments[] = {FormatArgument(name_of(frame.vector)), FormatArgument(frame.rip),
                                      FormatArgument(frame.error),
                                      FormatArgument(frame.vector == kPageFault ? read_cr2() : 0)};
  kernel::panic_at(
      registers,
      frame.vector == kPageFault ? "{} at {:x}, error {:x}, address {:x}" : "{} at {:x}, error {:x}",
      arguments, frame.vector == kPageFault ? 4 : 3);
}

[[noreturn]] void halt() {
  for (;;) {
    interrupts_off();
    __asm__ volatile("hlt");
  }
}

}  // namespace

extern "C" void hardware_on_interrupt(Frame* frame) {
  constexpr std::uint64_t kNmi = 2, kUndefined = 6, kFirstInterrupt = 32;
  if (frame->vector == kNmi) return;
  if (frame->vector == kUndefined && pass_over_trap(*frame)) return;
  if (frame->vector < kFirstInterrupt) fault(*frame);
  if (frame->vector != kSpuriousVector) LocalApic::end_of_interrupt();
  switch (frame->vector) {
    case kTimerVector:
      on_timer();
      break;
    case kFlushVector:
      on_flush();
      break;
    case kStopVector:
      halt();
    case kSerialVector:
      drain_console();
      break;
    case kAcpiVector:
      on_acpi_interrupt();
      break;
    default:  // a notification has set its bit before
      break;
  }
  divert(*frame);
}

}  // namespace candor::hardware
