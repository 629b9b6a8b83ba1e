// Scheduling policies of the host kernel's threads. All return 0 or an errno,
// and concern the calling thread where `tid` is 0. Children of the thread start
// as ordinary ones: a rank must not spread by fork.
#pragma once

#include <sched.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/time.h"

namespace candor {

/// `level` in [1, 99].
inline int set_fifo(pid_t tid, int level) {
  const sched_param param{.sched_priority = level};
  return sched_setscheduler(tid, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0 ? 0 : errno;
}

inline int set_ordinary(pid_t tid) {
  const sched_param param{};
  return sched_setscheduler(tid, SCHED_OTHER | SCHED_RESET_ON_FORK, &param) == 0 ? 0 : errno;
}

/// SCHED_DEADLINE with `runtime` in each `period`. EPERM: also for a thread that may not run on
/// all processors of its cpuset; EBUSY: more than the kernel admits.
inline int set_deadline(pid_t tid, Duration runtime, Duration period) {
  // sched_setattr(2); glibc 2.36 has no wrapper and no structure for it.
  struct {
    std::uint32_t size = 48;
    std::uint32_t policy = 6;  // SCHED_DEADLINE
    std::uint64_t flags = 1;   // SCHED_FLAG_RESET_ON_FORK
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime = 0;
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
  } attr;
  static_assert(sizeof attr == 48);
  attr.runtime = static_cast<std::uint64_t>(runtime.ns);
  attr.deadline = attr.period = static_cast<std::uint64_t>(period.ns);
  return syscall(SYS_sched_setattr, tid, &attr, 0) == 0 ? 0 : errno;
}

}  // namespace candor
