// The last words of a guest: what went wrong, where, and what its threads were doing.
#include "guest/panic.h"

#include "guest/console.h"
#include "guest/inspect.h"
#include "guest/kernel_lock.h"
#include "guest/memory.h"
#include "guest/trace.h"
#include "guest/vcpu.h"

namespace candor {
namespace kernel {
namespace {

std::atomic<std::uint32_t> teller{0};  // 1 + the vCPU that panics

void say(std::string_view pattern, std::initializer_list<FormatArgument> arguments = {}) {
  char memory[kPrintBytes];
  TextBuffer buffer(memory, sizeof memory - 1);
  buffer.format(pattern, arguments.begin(), arguments.size());
  memory[buffer.text().size()] = '\n';
  write_last_words({memory, buffer.text().size() + 1});
}

/// The stack that an address is on: the current thread's, or this vCPU's boot stack. Empty if it is on
/// neither.
struct Range {
  std::uint64_t begin, end;
};
Range stack_around(std::uint64_t address) {
  const Vcpu& v = Vcpu::here();
  const std::uint64_t boot_end =
      host_page().ram_base + host_page().ram_bytes - std::uint64_t{v.index()} * CANDOR_BOOT_STACK_BYTES;
  Range range = {boot_end - CANDOR_BOOT_STACK_BYTES + 4096, boot_end};  // above its guard page
  if (const ThreadControl* t = v.running(); t != nullptr && t->stack != nullptr) {
    const auto top = reinterpret_cast<std::uint64_t>(t->stack->top());
    if (address < top && address >= top - t->stack->bytes) range = {top - t->stack->bytes, top};
  }
  return address >= range.begin && address < range.end ? range : Range{};
}

/// By frame pointers (docs/guests.md): each points to its caller's, and the return address is above it.
void tell_callers(std::uint64_t rbp) {
  constexpr int kMost = 16;
  const Range stack = stack_around(rbp);
  char memory[kPrintBytes];
  TextBuffer buffer(memory, sizeof memory - 1);
  buffer.append(std::string_view("  called from"));
  int found = 0;
  for (; found < kMost && rbp % 8 == 0 && rbp >= stack.begin && rbp + 16 <= stack.end; found++) {
    const auto* frame = reinterpret_cast<const std::uint64_t*>(rbp);
    if (frame[1] == 0) break;
    buffer.append(' ');
    buffer.append_number(frame[1], 16);
    if (frame[0] <= rbp) break;  // the outermost
    rbp = frame[0];
  }
  if (found == 0) return;
  memory[buffer.text().size()] = '\n';
  write_last_words({memory, buffer.text().size() + 1});
}

void tell_registers(const Registers& r) {
  say("  rip {:x} rsp {:x} rbp {:x} flags {:x}", {r.rip, r.rsp, r.rbp, r.rflags});
  say("  rax {:x} rbx {:x} rcx {:x} rdx {:x} rsi {:x} rdi {:x}", {r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi});
  say("  r8 {:x} r9 {:x} r10 {:x} r11 {:x} r12 {:x} r13 {:x} r14 {:x} r15 {:x}",
      {r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15});
}

void tell_threads() {
  constexpr std::size_t kMost = 64;
  // The list's lock may be held by whoever was interrupted: one that is not to be had leaves the list out.
  if (peek(lock_word(kThreadsLock)) != 0) return say("  (the list of threads is being changed)");
  say("  {}", {kThreadColumns});
  ThreadInfo info;
  for (std::size_t n = 0; n < kMost && thread_info(n, info); n++) {
    char memory[kPrintBytes];
    TextBuffer buffer(memory, sizeof memory - 1);
    buffer.append(std::string_view("  "));
    format_thread(buffer, info);
    memory[buffer.text().size()] = '\n';
    write_last_words({memory, buffer.text().size() + 1});
  }
}

void tell_trace() {
  constexpr std::uint64_t kMost = 8;
  const TraceRing& ring = Vcpu::here().trace_ring();
  const std::uint64_t end = ring.written();
  if (end == 0) return;
  say("  the last events of this vCPU's trace:");
  const Time t = now();
  candor_trace record;
  for (std::uint64_t number = end > kMost ? end - kMost : 0; number < end; number++) {
    if (!ring.read(number, record)) continue;
    char memory[kPrintBytes];
    TextBuffer buffer(memory, sizeof memory - 1);
    buffer.append(std::string_view("  "));
    format_trace(buffer, record, Vcpu::here().index(), t);
    memory[buffer.text().size()] = '\n';
    write_last_words({memory, buffer.text().size() + 1});
  }
}

[[noreturn]] void tell_and_end(std::string_view pattern, const FormatArgument* arguments, std::size_t count,
                               const Registers* registers, std::uint64_t rbp) {
  constexpr std::uint32_t kExitCode = 101;
  mask_upcalls();
  const std::uint32_t self = Vcpu::here().index() + 1;
  std::uint32_t first = 0;
  // What goes wrong elsewhere meanwhile waits for the end; what goes wrong in telling is the end.
  if (!teller.compare_exchange_strong(first, self)) {
    if (first != self)
      for (;;) call_host(CANDOR_CALL_NO_WORK, CANDOR_NO_TIME);
  } else {
    char memory[kPrintBytes];
    TextBuffer buffer(memory, sizeof memory - 1);
    buffer.append(std::string_view("panic: "));
    buffer.format(pattern, arguments, count);
    memory[buffer.text().size()] = '\n';
    write_last_words({memory, buffer.text().size() + 1});
    const ThreadControl* t = Vcpu::here().running();
    say("  in thread {}, on vCPU {}", {t != nullptr ? t->name : "(none)", Vcpu::here().index()});
    if (registers != nullptr) tell_registers(*registers);
    tell_callers(rbp);
    if (kernel.booted.load(std::memory_order_relaxed)) tell_threads();
    tell_trace();
  }
  for (;;) call_host(CANDOR_CALL_SHUTDOWN, kExitCode);
}

}  // namespace

void panic_at(const Registers& registers, std::string_view pattern, const FormatArgument* arguments,
              std::size_t count) {
  tell_and_end(pattern, arguments, count, &registers, registers.rbp);
}

}  // namespace kernel

void panic_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count) {
  kernel::tell_and_end(pattern, arguments, count, nullptr,
                       reinterpret_cast<std::uint64_t>(__builtin_frame_address(0)));
}

}  // namespace candor
