// The only place that changes how the host kernel schedules a vCPU thread. All
// policies are set with reset-on-fork: whatever such a thread starts is ordinary.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/time.h"

namespace candor::host {

class RankWriter {
 public:
  /// `permitted` false: this host does not let us set ranks; every call does nothing and succeeds.
  explicit RankWriter(bool permitted) : permitted_(permitted) {}

  [[nodiscard]] bool permitted() const { return permitted_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  [[nodiscard]] std::uint64_t slice_changes() const { return slice_changes_; }

  // Errors are errno values. The thread must be known to live (RunClock::read),
  // or its number might by now be somebody else's.
  Result<Done, int> set_fifo(pid_t tid, int level);
  Result<Done, int> set_ordinary(pid_t tid);
  Result<Done, int> set_deadline(pid_t tid, Duration runtime, Duration period);
  /// Its weight while it is ordinary, as setpriority(2) has it: -20 to 19. Not counted as a change of rank.
  Result<Done, int> set_nice(pid_t tid, int nice) const;
  /// The same with a slice, 0.1 to 100 ms, or zero for the kernel's own (os/sched_policy.h). Counted in
  /// slice_changes().
  Result<Done, int> set_slice(pid_t tid, int nice, Duration slice);
  /// Confines the thread to these processors. Needs no rank.
  static Result<Done, int> pin(pid_t tid, std::span<const int> processors);

 private:
  bool permitted_;
  std::uint64_t changes_ = 0;
  std::uint64_t slice_changes_ = 0;
};

/// Tries whether this thread may be real-time and leaves it ordinary. 0, or the errno.
int probe_ranks(int level);

}  // namespace candor::host
