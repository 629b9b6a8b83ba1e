#include "bench/guests/software_interrupt.h"

#include "guest/vcpu.h"

// In front of the kernel's own entry, which finds everything as the host has left it. This file is built
// like the kernel, without extended registers.
__asm__(R"(
.text
bench_upcall:
  push %rax; push %rcx; push %rdx; push %rbx; push %rsi; push %rdi
  push %r8; push %r9; push %r10; push %r11
  mov %rsp, %rbx
  and $-16, %rsp
  call bench_on_upcall
  mov %rbx, %rsp
  pop %r11; pop %r10; pop %r9; pop %r8
  pop %rdi; pop %rsi; pop %rbx; pop %rdx; pop %rcx; pop %rax
  jmp candor_upcall
)");

extern "C" void bench_upcall();

namespace candor::bench {
namespace {

Semaphore* given = nullptr;
const Thread* unparked = nullptr;
std::uint64_t handled = 0;
bool asked = false;  // other upcalls, such as those of timers, are none of the handler's business

bool waits_for_handler() {
  return __atomic_load_n(&asked, __ATOMIC_RELAXED);
}

void enter_here_first() {
  kernel::put(kernel::Vcpu::here().page().upcall_entry, reinterpret_cast<std::uint64_t>(&bench_upcall));
}

}  // namespace

extern "C" void bench_on_upcall() {
  if (!waits_for_handler()) return;
  __atomic_store_n(&asked, false, __ATOMIC_RELAXED);
  kernel::count(handled);
  if (given != nullptr) (void)given->release();
  if (unparked != nullptr) unparked->unpark();
}

void on_interrupt(Semaphore& wanted) {
  const kernel::Masked masked;
  given = &wanted;
  unparked = nullptr;
  enter_here_first();
}

void on_interrupt(const Thread& wanted) {
  const kernel::Masked masked;
  given = nullptr;
  unparked = &wanted;
  enter_here_first();
}

std::uint64_t interrupts_handled() {
  return kernel::peek(handled);
}

void interrupt() {
  __atomic_store_n(&asked, true, __ATOMIC_RELAXED);
  constexpr std::uint64_t kOwnVcpu = 0;
  if (kernel::kernel.dedicated) {
    const auto entry = reinterpret_cast<candor_call_fn>(kernel::host_page().call_entry);
    (void)entry(CANDOR_CALL(kOwnVcpu, CANDOR_CALL_NOTIFY), kOwnVcpu, 0, 0, 0, 0);
  } else {
    std::uint64_t result = CANDOR_CALL_NOTIFY;
    __asm__ volatile(CANDOR_TRAP : "+a"(result) : "D"(kOwnVcpu) : "memory");
  }
  while (waits_for_handler()) kernel::relax();
}

}  // namespace candor::bench
