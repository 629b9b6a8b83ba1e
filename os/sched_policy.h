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

/// sched_setattr(2), sched_getattr(2); glibc 2.36 has no wrappers and no structure for them.
struct SchedAttributes {
  std::uint32_t size = 48;
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
static_assert(sizeof(SchedAttributes) == 48);

/// SCHED_DEADLINE with `runtime` in each `period`. EPERM: also for a thread that may not run on
/// all processors of its cpuset; EBUSY: more than the kernel admits.
inline int set_deadline(pid_t tid, Duration runtime, Duration period) {
  SchedAttributes attributes;
  attributes.policy = 6;  // SCHED_DEADLINE
  attributes.flags = 1;   // SCHED_FLAG_RESET_ON_FORK
  attributes.runtime = static_cast<std::uint64_t>(runtime.ns);
  attributes.deadline = attributes.period = static_cast<std::uint64_t>(period.ns);
  return syscall(SYS_sched_setattr, tid, &attributes, 0) == 0 ? 0 : errno;
}

/// Of a SCHED_OTHER thread: its nice value, and how long the fair class runs it at a time, zero where the
/// kernel does not say (before Linux 6.12).
struct FairTerms {
  int nice = 0;
  Duration slice;
};

inline int get_fair(pid_t tid, FairTerms& terms) {
  SchedAttributes attributes;
  if (syscall(SYS_sched_getattr, tid, &attributes, sizeof attributes, 0) != 0) return errno;
  terms = {.nice = attributes.nice, .slice = {static_cast<std::int64_t>(attributes.runtime)}};
  return 0;
}

/// Nice value -20 to 19, and a slice from 0.1 to 100 ms (the kernel takes the nearest), zero for the kernel's
/// own. The policy stays as it is; EINVAL for a real-time thread. Kernels before 6.12 ignore the slice.
inline int set_fair(pid_t tid, const FairTerms& terms) {
  SchedAttributes attributes;
  attributes.flags = 8;  // SCHED_FLAG_KEEP_POLICY, and reset-on-fork with it
  attributes.nice = terms.nice;
  attributes.runtime = static_cast<std::uint64_t>(terms.slice.ns);
  return syscall(SYS_sched_setattr, tid, &attributes, 0) == 0 ? 0 : errno;
}

/// Tries on the calling thread, which must be ordinary, whether slices are obeyed, and leaves it with the
/// kernel's own, which `own` is then. EOPNOTSUPP: they are not.
inline int probe_slices(Duration& own) {
  FairTerms terms, got;
  if (const int error = get_fair(0, terms); error != 0) return error;
  for (const Duration slice : {microseconds(200), microseconds(400), Duration{}}) {
    if (const int error = set_fair(0, {.nice = terms.nice, .slice = slice}); error != 0) return error;
    if (const int error = get_fair(0, got); error != 0) return error;
    if (slice.ns != 0 ? got.slice != slice : got.slice.ns == 0) return EOPNOTSUPP;
  }
  own = got.slice;
  return 0;
}

}  // namespace candor
