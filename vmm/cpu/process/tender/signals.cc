// Signals: the process back end's exceptions and interrupts.
//
//   SIGUSR1  kick: somebody has set a bit in `pending`
//   SIGUSR2  this vCPU's timer: sets CANDOR_PENDING_TIMER
//   SIGILL   a synthetic instruction, or a fault
//   SIGSEGV  an access to a port of the console (ports.cc), or a fault
//   SIGSYS   the filter refused a system call
//   others   a fault
//
// A handler runs on the vCPU's signal stack with the guest's registers saved
// by the kernel, extended state included, so diverting the guest is a change
// of the saved context (docs/abi.md §8).
#include <asm/unistd.h>

#include "vmm/cpu/process/tender/tender.h"

namespace candor::tender {
namespace {

// The kernel's structures (arch/x86/include/uapi/asm/sigcontext.h, ucontext.h,
// asm-generic/siginfo.h); libc's headers name them otherwise.
struct SignalContext {
  std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  std::uint16_t cs, gs, fs, ss;
  std::uint64_t error, trap, old_mask, cr2;
  void* extended;
  std::uint64_t reserved[8];
};
struct UserContext {
  std::uint64_t flags;
  void* link;
  struct {
    void* sp;
    std::int32_t flags;
    std::uint64_t size;
  } stack;
  SignalContext registers;
  std::uint64_t mask;
};
struct SignalInfo {
  std::int32_t signo, error, code, pad;
  union {
    std::uint64_t address;  // faults
    struct {
      std::uint64_t call_address;
      std::int32_t number;
    } refused;  // SIGSYS
  };
};
struct SignalAction {
  void (*handler)(int, SignalInfo*, UserContext*);
  std::uint64_t flags;
  void (*restorer)();
  std::uint64_t mask;
};

enum Signal : int {
  kIll = 4,
  kTrap = 5,
  kBus = 7,
  kFpe = 8,
  kUser1 = 10,
  kSegv = 11,
  kUser2 = 12,
  kSys = 31,
};
constexpr std::uint64_t bit(Signal s) {
  return 1ull << (s - 1);
}

constexpr std::uint64_t kSaSiginfo = 4, kSaRestorer = 0x04000000, kSaOnStack = 0x08000000;
constexpr std::uint64_t kFlagTrap = 1u << 8, kFlagDirection = 1u << 10, kFlagAlign = 1u << 18;
constexpr std::uint16_t kUserCs64 = 0x33;
constexpr std::uint64_t kGeneralProtection = 13;  // of SignalContext::trap
constexpr std::uint64_t kRedZone = 128;

VcpuSlot& self_by_stack() {
  auto here = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  return *reinterpret_cast<VcpuSlot*>(here & ~(kSlotBytes - 1));
}

/// The entry to divert to; 0 if there is nothing to tell, or the guest takes no upcalls now.
std::uint64_t upcall_due(const candor_guest_vcpu& page) {
  const std::uint64_t entry = __atomic_load_n(&page.upcall_entry, __ATOMIC_RELAXED);
  return load(page.masked) == 0 && load(page.pending) != 0 ? entry : 0;
}

/// Diverts the guest to its upcall entry if it takes upcalls now and runs its
/// own code; otherwise the bits wait in `pending` for the guest to look. Only by
/// the handlers of kick and timer, which keep each other out.
void deliver_upcall(VcpuSlot& self, SignalContext& regs) {
  candor_guest_vcpu& page = vcpu_page(self.index);
  const std::uint64_t entry = upcall_due(page);
  if (entry == 0) return;
  if (regs.cs != kUserCs64 || !in_ram(regs.rip, 1)) return;  // in this file's own text, say: never rewritten
  const std::uint64_t frame = regs.rsp - kRedZone - 16;
  if (!in_ram(entry, 1)) end_vm(self, CANDOR_EXIT_FAULT, kSegv, regs.rip, entry);
  if (regs.rsp < CANDOR_RAM_BASE + kRedZone + 16 || !in_ram(frame, 16))
    end_vm(self, CANDOR_EXIT_FAULT, kSegv, regs.rip, frame);
  // A frame on a guard page faults here, in a handler: the VM ends, since the guest gave a stack it may not
  // write.
  auto* words = reinterpret_cast<volatile std::uint64_t*>(frame);
  words[0] = regs.rflags;
  words[1] = regs.rip;
  store(page.masked, 1);
  regs.rsp = frame;
  regs.rip = entry;
  regs.rflags &= ~(kFlagTrap | kFlagDirection | kFlagAlign);
}

// Says in a context's own memory that its synthetic instruction is done. The kernel writes 0 there with each
// new context, so one that lies where an older one was is never taken for it.
void* const kDone = reinterpret_cast<void*>(1);

/// The guest's registers as a kick finds them: those it interrupted, or, if it
/// came between the end of a synthetic instruction and the return from its
/// handler, those that the handler is about to return to.
SignalContext& guest_registers(const VcpuSlot& self, UserContext& interrupted) {
  const std::uint64_t rsp = interrupted.registers.rsp;
  const auto stack = reinterpret_cast<std::uint64_t>(self.signal_stack);
  if (rsp < stack || rsp >= stack + sizeof self.signal_stack) return interrupted.registers;
  auto* const outer = static_cast<UserContext*>(__atomic_load_n(&self.done, __ATOMIC_RELAXED));
  return outer != nullptr && outer->link == kDone ? outer->registers : interrupted.registers;
}

/// Executes the synthetic instruction at rip, if there is one.
bool try_synthetic(VcpuSlot& self, UserContext& context) {
  SignalContext& regs = context.registers;
  static constexpr std::uint8_t kOpcode[CANDOR_TRAP_BYTES] = {0x0f, 0xb9, 0x80, 0x43, 0x4e, 0x44, 0x52};
  const bool ours = regs.rip == reinterpret_cast<std::uint64_t>(tender_trap);
  if (regs.cs != kUserCs64 || !(ours || in_ram(regs.rip, sizeof kOpcode))) return false;
  const auto* code = reinterpret_cast<const volatile std::uint8_t*>(regs.rip);
  for (unsigned i = 0; i < sizeof kOpcode; i++)
    if (code[i] != kOpcode[i]) return false;
  const std::uint64_t args[5] = {regs.rdi, regs.rsi, regs.rdx, regs.rcx, regs.r8};
  regs.rax =
      static_cast<std::uint64_t>(execute_call(self, static_cast<std::uint32_t>(regs.rax), args, regs.rip));
  regs.rip += sizeof kOpcode;
  // Bits that came until here were only recorded, and a kick that comes after the look must not be lost
  // either: from here on a kick diverts this very context. If there is something to deliver already, we kick
  // ourselves.
  __atomic_store_n(&self.done, static_cast<void*>(&context), __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&context.link, kDone, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  if (upcall_due(vcpu_page(self.index)) != 0) kick_self(self);
  return true;
}

bool try_port(VcpuSlot& self, SignalContext& regs) {
  if (regs.trap != kGeneralProtection || regs.cs != kUserCs64) return false;
  const PortAccess result = try_port_access(self, regs.rip, regs.rdx, regs.rax);
  if (result == PortAccess::kDone) regs.rip += kPortAccessBytes;
  return result != PortAccess::kNone;
}

void on_signal(int signo, SignalInfo* info, UserContext* context) {
  VcpuSlot& self = self_by_stack();
  SignalContext& regs = context->registers;
  candor_guest_vcpu& page = vcpu_page(self.index);
  switch (signo) {
    case kUser2:
      __atomic_or_fetch(&page.pending, CANDOR_PENDING_TIMER, __ATOMIC_SEQ_CST);
      [[fallthrough]];
    case kUser1:
      page.kicks++;
      deliver_upcall(self, guest_registers(self, *context));
      return;
    case kIll:
      if (try_synthetic(self, *context)) return;
      break;
    case kSegv:
      if (try_port(self, regs)) return;
      break;
    case kSys:
      end_vm(self, CANDOR_EXIT_REFUSED, static_cast<std::uint32_t>(info->refused.number), regs.rip, 0);
    default:
      break;
  }
  end_vm(self, CANDOR_EXIT_FAULT, static_cast<std::uint32_t>(signo), regs.rip, info->address);
}

}  // namespace

extern "C" {
[[gnu::visibility("hidden")]] void tender_restorer();
[[gnu::visibility("hidden")]] void tender_handler(int, SignalInfo*, UserContext*);
[[gnu::visibility("hidden")]] void tender_on_signal(int signo, SignalInfo* info, UserContext* context) {
  on_signal(signo, info, context);
}
}

// The guest may have set AC, which would make our own accesses fault.
__asm__(
    ".globl tender_handler\n"
    "tender_handler:\n"
    "  pushfq\n"
    "  andl $~0x40000, (%rsp)\n"
    "  popfq\n"
    "  jmp tender_on_signal\n"
    ".globl tender_restorer\n"
    "tender_restorer:\n"
    "  mov $15, %eax\n"  // rt_sigreturn
    "  syscall\n");

void kick_self(VcpuSlot& self) {
  vcpu_page(self.index).host_calls++;
  syscall(__NR_tgkill, 1, self.tid, kUser1);
}

void install_signals() {
  static constexpr Signal kSignals[] = {kIll, kTrap, kBus, kFpe, kUser1, kSegv, kUser2, kSys};
  for (Signal s : kSignals) {
    // Kick and timer keep each other out, and an access to a port does, so they find the guest where it goes
    // on. A synthetic instruction may block, so it lets both in.
    const std::uint64_t mask = s == kUser1 || s == kUser2 || s == kSegv ? bit(kUser1) | bit(kUser2) : 0;
    SignalAction action = {tender_handler, kSaSiginfo | kSaOnStack | kSaRestorer, tender_restorer, mask};
    if (syscall(__NR_rt_sigaction, s, address_of(&action), 0, 8) != 0) fail_setup(Setup::kSignals);
  }
}

}  // namespace candor::tender
