// What people want to know of a running kernel: its threads, and where one of them is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "guest/format.h"
#include "guest/thread_control.h"

namespace candor::kernel {

/// Of a moment: each field for itself, since the thread goes on meanwhile.
struct ThreadInfo {
  char name[CANDOR_NAME_BYTES];
  const char* cls;    // "deadline", "fixed", "fair" or "background"
  const char* state;  // "runs", "ready", "sleeps", "waits" or "ended"
  std::uint32_t vcpu;
  Duration cpu;             // processor time
  std::size_t stack_bytes;  // 0: it has none any more
  std::size_t stack_used;   // at the most, by it or who had the stack before
  const char* claim;        // "", "admitted" or "refused"
};

/// Thread number `n` of those that there are, in the order of their making; false if there are not so many.
/// Threads that end meanwhile move the others up. Any context but a panic.
[[nodiscard]] bool thread_info(std::size_t n, ThreadInfo& info);

/// A line about it, without the line's end.
void format_thread(TextBuffer& to, const ThreadInfo& info);
/// The same columns' names.
constexpr std::string_view kThreadColumns = "thread           class       state   vCPU  cpu          stack";

/// A thread is made, or its control block goes. Masked or not.
void now_known(ThreadControl& thread);
void no_more_known(ThreadControl& thread);

/// The processor's registers where something went wrong.
struct Registers {
  std::uint64_t rip, rsp, rbp, rflags;
  std::uint64_t rax, rbx, rcx, rdx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

/// Ends the VM as panic() does, for a fault at these registers.
[[noreturn]] void panic_at(const Registers& registers, std::string_view pattern,
                           const FormatArgument* arguments, std::size_t count);

}  // namespace candor::kernel
