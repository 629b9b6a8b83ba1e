#include "host/rank_writer.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace candor::host {
namespace {

// glibc 2.36 has no wrapper and no structure for it.
struct SchedAttr {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;
  std::uint64_t deadline;
  std::uint64_t period;
};
static_assert(sizeof(SchedAttr) == 48);

int set_policy(pid_t tid, int policy, int level) {
  const sched_param param{.sched_priority = level};
  return sched_setscheduler(tid, policy | SCHED_RESET_ON_FORK, &param) == 0 ? 0 : errno;
}

}  // namespace

Result<Done, int> RankWriter::set_fifo(pid_t tid, int level) {
  if (!permitted_) return Done{};
  ++changes_;
  if (const int error = set_policy(tid, SCHED_FIFO, level); error != 0) return Error{error};
  return Done{};
}

Result<Done, int> RankWriter::set_ordinary(pid_t tid) {
  if (!permitted_) return Done{};
  ++changes_;
  if (const int error = set_policy(tid, SCHED_OTHER, 0); error != 0) return Error{error};
  return Done{};
}

Result<Done, int> RankWriter::set_deadline(pid_t tid, Duration runtime, Duration period) {
  ++changes_;
  SchedAttr attr{};
  attr.size = sizeof attr;
  attr.policy = SCHED_DEADLINE;
  attr.flags = SCHED_FLAG_RESET_ON_FORK;
  attr.runtime = static_cast<std::uint64_t>(runtime.ns);
  attr.deadline = attr.period = static_cast<std::uint64_t>(period.ns);
  if (syscall(SYS_sched_setattr, tid, &attr, 0) != 0) return Error{errno};
  return Done{};
}

Result<Done, int> RankWriter::pin(pid_t tid, std::span<const int> processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int p : processors) CPU_SET(static_cast<unsigned>(p), &set);
  if (sched_setaffinity(tid, sizeof set, &set) != 0) return Error{errno};
  return Done{};
}

int probe_ranks(int level) {
  if (const int error = set_policy(0, SCHED_FIFO, level); error != 0) return error;
  return set_policy(0, SCHED_OTHER, 0);
}

}  // namespace candor::host
