#include "cli/probe.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "os/sched_policy.h"

namespace candor::cli {
namespace {

constexpr Duration kLimit = seconds(2);

int ask_errno(const std::function<std::int64_t()>& probe) {
  return static_cast<int>(ask_child(probe, kLimit).value_or(ETIMEDOUT));
}

}  // namespace

std::optional<std::int64_t> ask_child(const std::function<std::int64_t()>& probe, Duration limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::int64_t answer = probe();
    const bool written = write(ends[1], &answer, sizeof(answer)) == sizeof(answer);
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::optional<std::int64_t> result;
  if (child > 0) {
    // The pipe also becomes readable when the child dies without an answer.
    pollfd ready{.fd = ends[0], .events = POLLIN, .revents = 0};
    std::int64_t answer = 0;
    if (poll(&ready, 1, static_cast<int>(limit.ns / 1'000'000)) == 1 &&
        read(ends[0], &answer, sizeof(answer)) == sizeof(answer)) {
      result = answer;
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  close(ends[0]);
  return result;
}

int probe_fifo(int level) {
  return ask_errno([level] { return set_fifo(0, level); });
}

int probe_deadline(std::optional<int> cpu) {
  return ask_errno([cpu] {
    if (cpu) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<std::size_t>(*cpu), &set);
      if (sched_setaffinity(0, sizeof(set), &set) != 0) return errno;
    }
    return set_deadline(0, milliseconds(1), milliseconds(10));
  });
}

int probe_slice() {
  return ask_errno([] {
    Duration own;
    return probe_slices(own);
  });
}

int probe_pid_namespace() {
  return ask_errno([] {
    const int user = geteuid() == 0 ? 0 : CLONE_NEWUSER;
    if (unshare(user | CLONE_NEWPID) != 0) return errno;
    // Limits on namespaces may bite only when the first process is to enter.
    const pid_t first = fork();
    if (first == 0) _exit(0);
    if (first < 0) return errno;
    waitpid(first, nullptr, 0);
    return 0;
  });
}

int probe_seccomp() {
  return ask_errno([] {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    // A kernel with filters gets as far as looking for one at address 0.
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, nullptr) == -1 && errno == EFAULT ? 0 : ENOSYS;
  });
}

}  // namespace candor::cli
