#include "host/rank_writer.h"

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>

#include "os/sched_policy.h"

namespace candor::host {

Result<Done, int> RankWriter::set_fifo(pid_t tid, int level) {
  if (!permitted_) return Done{};
  ++changes_;
  if (const int error = candor::set_fifo(tid, level); error != 0) return Error{error};
  return Done{};
}

Result<Done, int> RankWriter::set_ordinary(pid_t tid) {
  if (!permitted_) return Done{};
  ++changes_;
  if (const int error = candor::set_ordinary(tid); error != 0) return Error{error};
  return Done{};
}

Result<Done, int> RankWriter::set_deadline(pid_t tid, Duration runtime, Duration period) {
  ++changes_;
  if (const int error = candor::set_deadline(tid, runtime, period); error != 0) return Error{error};
  return Done{};
}

Result<Done, int> RankWriter::set_nice(pid_t tid, int nice) const {
  if (!permitted_) return Done{};
  if (setpriority(PRIO_PROCESS, static_cast<id_t>(tid), nice) != 0) return Error{errno};
  return Done{};
}

Result<Done, int> RankWriter::set_slice(pid_t tid, int nice, Duration slice) {
  if (!permitted_) return Done{};
  ++slice_changes_;
  if (const int error = set_fair(tid, {.nice = nice, .slice = slice}); error != 0) return Error{error};
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
  if (const int error = set_fifo(0, level); error != 0) return error;
  return set_ordinary(0);
}

}  // namespace candor::host
