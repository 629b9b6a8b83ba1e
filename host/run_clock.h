// How long a thread of another process has run and waited. Its processor-time
// clock cannot be read from outside; /proc/PID/task/TID/schedstat can, and the
// open file stays bound to that thread, whoever gets its number later.
//
// The kernel brings a running thread's figures up to date when it is
// descheduled, so they are exact for a thread of the caller's own processor
// and up to a clock tick old for one that runs elsewhere.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "os/fd.h"

namespace candor::host {

struct RunTimes {
  Duration ran;
  Duration waited;  // ready and not running, until it last ran
};

class RunClock {
 public:
  /// Error: errno. `tid` must be a thread of `process`.
  static Result<RunClock, int> open(pid_t process, pid_t tid);

  /// Nothing once the thread has ended.
  [[nodiscard]] std::optional<RunTimes> read() const;
  /// True while a priority-inheriting lock lends the thread a real-time
  /// priority: SCHED_OTHER by policy, but real-time by what it runs at.
  [[nodiscard]] bool boosted() const;
  /// True while it runs or waits for a processor.
  [[nodiscard]] bool ready() const;
  /// The host's number of the processor it runs on, or ran on last; -1 once it has ended.
  [[nodiscard]] int processor() const;

 private:
  RunClock(Fd schedstat, Fd stat) : schedstat_(std::move(schedstat)), stat_(std::move(stat)) {}
  Fd schedstat_;
  Fd stat_;
};

}  // namespace candor::host
