// The system call filter: the wall between a guest and the host kernel.
//
// Few system calls remain, with their arguments checked. Nothing that makes a
// page executable, nothing that opens, maps, clones or changes scheduling.
// A call outside the list is turned into SIGSYS, which ends the VM in order
// and names the call; another architecture's entry kills outright.
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cstddef>

#include "vmm/cpu/process/tender/tender.h"

namespace candor::tender {
namespace {

constexpr unsigned kUserSignal1 = 10;  // SIGUSR1, the kick

constexpr unsigned kLow = 0, kHigh = 4;  // halves of a 64-bit argument
constexpr unsigned arg(unsigned n, unsigned half) {
  return static_cast<unsigned>(offsetof(seccomp_data, args)) + 8 * n + half;
}

constexpr sock_filter statement(unsigned code, unsigned k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}
constexpr sock_filter jump(unsigned test, unsigned k, unsigned yes, unsigned no) {
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), static_cast<std::uint8_t>(yes),
          static_cast<std::uint8_t>(no), k};
}
constexpr sock_filter load_word(unsigned offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, offset);
}

constexpr sock_filter kAllow = statement(BPF_RET, SECCOMP_RET_ALLOW);
constexpr sock_filter kRefuse = statement(BPF_RET, SECCOMP_RET_TRAP);
constexpr sock_filter kKill = statement(BPF_RET, SECCOMP_RET_KILL_PROCESS);

constexpr unsigned kAreaHigh = CANDOR_AREA_BASE >> 32;
static_assert((CANDOR_AREA_BASE & 0xffffffff) == 0, "the filter compares the halves of addresses apart");

// Each block starts with the system call number in the accumulator, and either
// falls through to its own verdict or jumps over itself.
constexpr sock_filter kFilter[] = {
    load_word(offsetof(seccomp_data, arch)),
    jump(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
    kKill,
    load_word(offsetof(seccomp_data, nr)),

    // futex(word in the area, WAIT | WAKE | LOCK_PI | UNLOCK_PI | WAIT_BITSET, ...)
    jump(BPF_JEQ, __NR_futex, 0, 12),
    load_word(arg(0, kHigh)),
    jump(BPF_JEQ, kAreaHigh, 0, 9),
    load_word(arg(0, kLow)),
    jump(BPF_JGE, CANDOR_AREA_BYTES, 7, 0),
    load_word(arg(1, kLow)),
    jump(BPF_JEQ, FUTEX_WAIT, 4, 0),
    jump(BPF_JEQ, FUTEX_WAKE, 3, 0),
    jump(BPF_JEQ, FUTEX_LOCK_PI, 2, 0),
    jump(BPF_JEQ, FUTEX_UNLOCK_PI, 1, 0),
    jump(BPF_JEQ, FUTEX_WAIT_BITSET, 0, 1),
    kAllow,
    kRefuse,

    // restart_syscall: the kernel makes a futex wait with a time-out call it by itself after SIGSTOP and
    // SIGCONT. It only goes on with a call of this thread that was permitted.
    jump(BPF_JEQ, __NR_rt_sigreturn, 4, 0),
    jump(BPF_JEQ, __NR_restart_syscall, 3, 0),
    jump(BPF_JEQ, __NR_timer_settime, 2, 0),
    jump(BPF_JEQ, __NR_exit_group, 1, 0),
    jump(BPF_JEQ, __NR_sched_yield, 0, 1),
    kAllow,

    // write(a bell, ..., 8)
    jump(BPF_JEQ, __NR_write, 0, 7),
    load_word(arg(2, kLow)),
    jump(BPF_JEQ, 8, 0, 4),
    load_word(arg(0, kLow)),
    jump(BPF_JEQ, process::kSchedBellFd, 1, 0),
    jump(BPF_JEQ, process::kMonitorBellFd, 0, 1),
    kAllow,
    kRefuse,

    // tgkill(1, ..., SIGUSR1): the tender leads its own PID namespace
    jump(BPF_JEQ, __NR_tgkill, 0, 6),
    load_word(arg(0, kLow)),
    jump(BPF_JEQ, 1, 0, 3),
    load_word(arg(2, kLow)),
    jump(BPF_JEQ, kUserSignal1, 0, 1),
    kAllow,
    kRefuse,

    // mprotect(below the area: guest RAM, ..., NONE | READ | READ + WRITE)
    jump(BPF_JEQ, __NR_mprotect, 0, 8),
    load_word(arg(0, kHigh)),
    jump(BPF_JGE, kAreaHigh, 5, 0),
    load_word(arg(2, kLow)),
    jump(BPF_JEQ, PROT_NONE, 2, 0),
    jump(BPF_JEQ, PROT_READ, 1, 0),
    jump(BPF_JEQ, PROT_READ | PROT_WRITE, 0, 1),
    kAllow,
    kRefuse,

    kRefuse,
};

}  // namespace

void install_filter() {
  sock_fprog program = {sizeof kFilter / sizeof *kFilter, const_cast<sock_filter*>(kFilter)};
  if (syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1) != 0 ||
      syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, address_of(&program)) != 0)
    fail_setup(Setup::kFilter);
}

}  // namespace candor::tender
