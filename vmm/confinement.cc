#include "vmm/confinement.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "os/fd.h"

namespace candor::vmm {
namespace {

std::string errno_text() {
  return std::strerror(errno);
}

// Waiting, talking to those it knows, its clock and its memory.
constexpr int kPlain[] = {
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(futex),
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(close),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(wait4),
    SCMP_SYS(getrusage),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
#ifdef CANDOR_ADDRESS_SANITIZED
    // The sanitizer's own.
    SCMP_SYS(gettid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(mprotect),
#endif
};

}  // namespace

Result<std::vector<sock_filter>, std::string> make_filter() {
  const auto fail = [](const char* what, int error) {
    return Error{
        fmt::format("cannot make the VM processes' system call filter ({}): {}", what, std::strerror(error))};
  };
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_KILL_PROCESS),
                                                                 seccomp_release);
  if (!filter) return fail("libseccomp", ENOMEM);
  int error = 0;
  const auto allow = [&](int call, auto... conditions) {
    const int result =
        seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...);
    if (result != 0 && error == 0) error = -result;
  };
  const auto equals = [](unsigned argument, std::uint64_t value) {
    return scmp_arg_cmp{argument, SCMP_CMP_EQ, value, 0};
  };
  for (const int call : kPlain) allow(call);
  allow(SCMP_SYS(mmap), scmp_arg_cmp{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0});
  // On its tender: a kick, the end, and taking ranks back where nobody else is left to do it.
  allow(SCMP_SYS(tgkill), equals(2, SIGUSR1));
  allow(SCMP_SYS(pidfd_send_signal), equals(1, SIGKILL));
  allow(SCMP_SYS(sched_setscheduler), equals(1, SCHED_OTHER | SCHED_RESET_ON_FORK));
  if (error != 0) return fail("a rule", error);

  const Fd file(memfd_create("candor-filter", MFD_CLOEXEC));
  if (!file.open()) return fail("memfd_create", errno);
  if (const int result = seccomp_export_bpf(filter.get(), file.get()); result != 0)
    return fail("export", -result);
  struct stat info = {};
  if (fstat(file.get(), &info) != 0) return fail("fstat", errno);
  std::vector<sock_filter> program(static_cast<std::size_t>(info.st_size) / sizeof(sock_filter));
  if (pread(file.get(), program.data(), program.size() * sizeof(sock_filter), 0) != info.st_size)
    return fail("read", errno);
  return program;
}

Result<Done, std::string> drop_privileges(uid_t uid) {
  if (geteuid() == 0 &&
      (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
    return Error{
        fmt::format("cannot become uid {}: {}; run outside this user namespace, or as an ordinary user", uid,
                    errno_text())};
  // Not only root has capabilities.
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0)
    return Error{fmt::format("cannot give up capabilities: {}", errno_text())};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Error{fmt::format("cannot renounce privileges: {}", errno_text())};
  return Done{};
}

Result<Done, std::string> confine(std::vector<sock_filter>& filter) {
  sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return Error{fmt::format("cannot install the VM process's system call filter: {}", errno_text())};
  return Done{};
}

Result<Done, std::string> become_ordinary() {
  const int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
  if (policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE) return Done{};
  const sched_param none = {};
  if (sched_setscheduler(0, SCHED_OTHER, &none) != 0)
    return Error{
        fmt::format("cannot leave the real-time class that candor was started in: {}; start it in an "
                    "ordinary one",
                    errno_text())};
  return Done{};
}

}  // namespace candor::vmm
