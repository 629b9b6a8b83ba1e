// The tender's start: builds the guest's address space, one thread per vCPU,
// forgets everything else, closes the door behind itself (filter.cc) and waits
// for the word to go.
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "vmm/cpu/process/tender/tender.h"

// Written by the linker script.
extern "C" [[gnu::visibility("hidden")]] std::uint8_t tender_end[];

namespace candor::tender {

TenderBoot boot;
VcpuSlot slots[CANDOR_MAX_VCPUS];

namespace {

constexpr std::uint64_t kUserSpaceEnd = 0x7ffffffff000;
constexpr std::uint32_t kThreadFlags = 0x00050f00;  // VM, FS, FILES, SIGHAND, THREAD, SYSVSEM

std::uint32_t threads_ready;

struct TimerEvent {
  std::uint64_t value;
  std::int32_t signo, notify, tid;
  std::uint8_t pad[44];
};

void map_at(std::uint64_t address, std::uint64_t bytes, int prot, int fd, std::uint64_t offset, Setup step) {
  const long got = syscall(__NR_mmap, static_cast<long>(address), static_cast<long>(bytes), prot,
                           MAP_SHARED | MAP_FIXED_NOREPLACE, fd, static_cast<long>(offset));
  if (static_cast<std::uint64_t>(got) != address) fail_setup(step);
}

void build_address_space() {
  map_at(CANDOR_AREA_BASE, CANDOR_HOST_BYTES, PROT_READ, process::kAreaFd, 0, Setup::kMapArea);
  map_at(CANDOR_AREA_BASE + CANDOR_HOST_BYTES, CANDOR_AREA_BYTES - CANDOR_HOST_BYTES, PROT_READ | PROT_WRITE,
         process::kAreaFd, CANDOR_HOST_BYTES, Setup::kMapArea);
  map_at(CANDOR_RAM_BASE, boot.ram_bytes, PROT_READ | PROT_WRITE, process::kRamFd, 0, Setup::kMapRam);
  for (std::uint32_t i = 0; i < boot.segment_count && i < process::kMaxSegments; i++) {
    const process::Segment& s = boot.segments[i];
    if (s.writable != 0) continue;  // as RAM is by itself
    const int prot = PROT_READ | (s.executable != 0 ? PROT_EXEC : 0);
    if (syscall(__NR_mprotect, static_cast<long>(s.address), static_cast<long>(s.bytes), prot) != 0)
      fail_setup(Setup::kProtect);
  }
}

/// Removes all that is not the guest's or ours: initial stack, vdso, vvar.
void forget_the_rest() {
  const auto end = reinterpret_cast<std::uint64_t>(tender_end);
  if (syscall(__NR_munmap, static_cast<long>(end), static_cast<long>(kUserSpaceEnd - end)) != 0)
    fail_setup(Setup::kUnmap);
}

/// What each vCPU thread does for itself before the filter.
void prepare_thread(VcpuSlot& self) {
  struct {
    void* sp;
    std::int32_t flags;
    std::uint64_t size;
  } stack = {self.signal_stack, 0, sizeof self.signal_stack};
  if (syscall(__NR_sigaltstack, address_of(&stack), 0) != 0) fail_setup(Setup::kAltStack);
  // By the kernel and not by WRGSBASE: kernels without FSGSBASE keep only what they have set themselves.
  if (syscall(__NR_arch_prctl, ARCH_SET_GS, address_of(&vcpu_page(self.index))) != 0)
    fail_setup(Setup::kGsBase);
  self.tid = static_cast<std::uint32_t>(syscall(__NR_gettid));
  TimerEvent event = {};
  event.signo = 12;  // SIGUSR2
  event.notify = 4;  // SIGEV_THREAD_ID
  event.tid = static_cast<std::int32_t>(self.tid);
  if (syscall(__NR_timer_create, 1 /* CLOCK_MONOTONIC */, address_of(&event), address_of(&self.timer)) != 0)
    fail_setup(Setup::kTimer);
  __atomic_add_fetch(&threads_ready, 1, __ATOMIC_SEQ_CST);
}

const std::uint32_t& go() {
  return *reinterpret_cast<const std::uint32_t*>(area() + process::kGoOffset);
}

/// The top of the boot stack.
std::uint64_t boot_stack(const VcpuSlot& self) {
  return ram_end() - self.index * CANDOR_BOOT_STACK_BYTES - 8;
}

/// While the host scheduler looks at the registration: what the guest will touch between its first
/// instruction and its main is touched, and a synthetic instruction executed as the guest will, so that all
/// of it is mapped, and in the caches, when it does. Nothing is changed by it.
void warm_up(const VcpuSlot& self) {
  constexpr std::uint64_t kPage = 4096;
  constexpr std::uint64_t kAround = 16 * kPage;  // around a page that is read, the kernel maps what there is
  const auto read = [](std::uint64_t at) {
    static_cast<void>(*reinterpret_cast<const volatile std::uint8_t*>(at));
  };
  // Others may write there.
  const auto write = [](std::uint64_t at) {
    __atomic_fetch_or(reinterpret_cast<std::uint32_t*>(at), 0, __ATOMIC_RELAXED);
  };
  read(CANDOR_AREA_BASE + CANDOR_OFF_HOST_VCPUS);
  constexpr std::uint64_t kOwn[] = {CANDOR_OFF_GUEST_PAGE, CANDOR_OFF_LOCKS, CANDOR_OFF_THREADS,
                                    CANDOR_OFF_VCPUS,      CANDOR_OFF_STATS, CANDOR_OFF_CONSOLE};
  for (const std::uint64_t offset : kOwn) write(CANDOR_AREA_BASE + offset);
  write(boot_stack(self));
  std::uint64_t behind = 0;  // the image: there heaps begin
  for (std::uint32_t i = 0; i < boot.segment_count && i < process::kMaxSegments; i++) {
    const process::Segment& s = boot.segments[i];
    const std::uint64_t end = (s.address + s.content_bytes + kPage - 1) & ~(kPage - 1);
    for (std::uint64_t at = s.address; at < end; at += kAround) read(at);
    behind = s.address + s.bytes;
    if (s.writable != 0 && end < behind) write(end);
  }
  if (in_ram(behind, kPage)) write(behind);
  tender_identify();
}

/// What is warm is so on this processor, and who sleeps may wake up on another. So it stays awake for as long
/// as an answer usually takes, but gives way to all who want the processor.
void stay_warm() {
  constexpr int kLooks = 400;
  for (int looks = 0; looks < kLooks && load(go()) == process::kWarmUp; looks++) syscall(__NR_sched_yield);
}

void wait_while(process::Go word) {
  while (load(go()) == word) syscall(__NR_futex, address_of(&go()), FUTEX_WAIT, word, 0);
}

[[noreturn]] void enter_guest(VcpuSlot& self) {
  wait_while(process::kWait);
  if (self.index == 0) {
    // If the word to start has come, too: the guest would touch it all the same.
    warm_up(self);
    stay_warm();
  }
  wait_while(process::kWarmUp);
  const std::uint64_t stack = boot_stack(self);
  __asm__ volatile(
      "mov %0, %%rsp\n"
      "push %1\n"  // the entry, below the stack's first word, for the ret that goes there
      "xor %%eax, %%eax\n"
      "xor %%ebx, %%ebx\n"
      "xor %%ecx, %%ecx\n"
      "xor %%edx, %%edx\n"
      "xor %%ebp, %%ebp\n"
      "xor %%r8d, %%r8d\n"
      "xor %%r9d, %%r9d\n"
      "xor %%r10d, %%r10d\n"
      "xor %%r11d, %%r11d\n"
      "xor %%r12d, %%r12d\n"
      "xor %%r13d, %%r13d\n"
      "xor %%r14d, %%r14d\n"
      "xor %%r15d, %%r15d\n"
      "ret\n"
      :
      : "r"(stack), "r"(boot.entry), "D"(CANDOR_AREA_BASE), "S"(static_cast<std::uint64_t>(self.index))
      : "rax", "memory");
  __builtin_unreachable();
}

void read_boot() {
  auto* at = reinterpret_cast<std::uint8_t*>(&boot);
  if (syscall(__NR_read, process::kBootFd, address_of(at), sizeof boot) != sizeof boot)
    fail_setup(Setup::kReadBoot);
  if (boot.vcpu_count == 0 || boot.vcpu_count > CANDOR_MAX_VCPUS) fail_setup(Setup::kReadBoot);
  syscall(__NR_prctl, PR_SET_NAME, address_of(boot.name));
}

}  // namespace

[[noreturn]] void end_vm(VcpuSlot& self, candor_exit kind, std::uint32_t code, std::uint64_t ip,
                         std::uint64_t address) {
  candor_guest_vcpu& page = vcpu_page(self.index);
  page.exit_code = code;
  page.exit_ip = ip;
  page.exit_address = address;
  store(page.exit_kind, kind);
  const int status = kind == CANDOR_EXIT_SHUTDOWN ? process::kExitShutdown
                     : kind == CANDOR_EXIT_FAULT  ? process::kExitFault
                                                  : process::kExitRefused;
  for (;;) syscall(__NR_exit_group, status);
}

[[noreturn]] void fail_setup(Setup step) {
  for (;;) syscall(__NR_exit_group, process::kExitSetup + static_cast<int>(step));
}

extern "C" {

[[gnu::visibility("hidden")]] void tender_vcpu_main(VcpuSlot* self) {
  prepare_thread(*self);
  enter_guest(*self);
}

[[gnu::visibility("hidden")]] long tender_clone(VcpuSlot* slot, std::uint32_t flags, void* stack);

/// Runs on the first slot's boot stack, so that the initial stack can go.
[[gnu::visibility("hidden")]] void tender_main() {
  read_boot();
  build_address_space();
  syscall(__NR_close_range, process::kRamFd, process::kBootFd, 0);
  syscall(__NR_close_range, process::kMonitorBellFd + 1, ~0u, 0);
  syscall(__NR_close_range, 0, process::kRamFd - 1, 0);
  forget_the_rest();
  install_signals();
  for (std::uint32_t i = 0; i < boot.vcpu_count; i++) {
    slots[i].index = i;
    slots[i].managed = kNoSlot;
    if (i == 0) continue;
    void* stack = slots[i].boot_stack + sizeof slots[i].boot_stack;
    if (tender_clone(&slots[i], kThreadFlags, stack) <= 0) fail_setup(Setup::kClone);
  }
  prepare_thread(slots[0]);
  while (load(threads_ready) != boot.vcpu_count) syscall(__NR_sched_yield);
  install_filter();
  // From here on nobody starts before the VM process says so, and it does so after this bell.
  const std::uint64_t one = 1;
  if (syscall(__NR_write, process::kMonitorBellFd, address_of(&one), sizeof one) != sizeof one)
    fail_setup(Setup::kBell);
  enter_guest(slots[0]);
}

// What the guest calls (candor_host_page.call_entry), with the System V ABI on the guest's stack:
// the vCPU in the upper half of the number says whose call it is. A guest that names another of its
// own vCPUs confuses itself only.
[[gnu::visibility("hidden"), gnu::section(".text.call_entry")]] std::int64_t tender_call(
    std::uint64_t number, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d,
    std::uint64_t e) {
  const std::uint64_t vcpu = number >> 32;
  if (vcpu >= boot.vcpu_count) return CANDOR_E_INVALID;
  const std::uint64_t args[5] = {a, b, c, d, e};
  return execute_call(slots[vcpu], number & 0xffffffff, args,
                      reinterpret_cast<std::uint64_t>(__builtin_return_address(0)));
}
}

__asm__(
    ".globl tender_identify, tender_trap\n"
    "tender_identify:\n"
    "  xor %eax, %eax\n"  // CANDOR_CALL_IDENTIFY
    "tender_trap:\n"
    "  " CANDOR_TRAP
    "\n"
    "  ret\n"
    // tender_clone(slot rdi, flags esi, stack rdx): the child continues in tender_vcpu_main(slot).
    ".globl tender_clone\n"
    "tender_clone:\n"
    "  mov %rdi, %r9\n"
    "  mov %esi, %edi\n"
    "  mov %rdx, %rsi\n"
    "  xor %edx, %edx\n"
    "  xor %r10d, %r10d\n"
    "  xor %r8d, %r8d\n"
    "  mov $56, %eax\n"
    "  syscall\n"
    "  test %eax, %eax\n"
    "  jz 1f\n"
    "  ret\n"
    "1: xor %ebp, %ebp\n"
    "  and $-16, %rsp\n"
    "  mov %r9, %rdi\n"
    "  call tender_vcpu_main\n"
    "  ud2\n"
    ".globl _start\n"
    "_start:\n"
    "  lea _ZN6candor6tender5slotsE+12288(%rip), %rsp\n"  // top of slot 0's boot stack
    "  xor %ebp, %ebp\n"
    "  call tender_main\n"
    "  ud2\n");

}  // namespace candor::tender
