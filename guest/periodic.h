// Jobs that begin at regular times.
#pragma once

#include "base/time.h"
#include "guest/clock.h"

namespace candor {

/// Makes the calling thread periodic:
///
///   Periodic jobs(milliseconds(5));
///   while (jobs.wait_next()) do_one_job();
///
/// Job k is released at start + k * period, for good: lateness never moves the
/// grid. A thread that is more than a period late passes over the releases whose
/// successor is due as well. The kernel counts jobs, misses, releases passed over
/// and the latency of each start in the thread's statistics.
class Periodic {
 public:
  /// `relative_deadline` zero: the period. One at a time for each thread. Releases
  /// between a `start` in the past and now count as passed over.
  explicit Periodic(Duration period, Duration relative_deadline = {}, Time start = epoch());
  /// Ends the current job, if there is one; no further releases are counted.
  ~Periodic();
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

  /// Ends the current job, if there is one, and waits for the next release. False
  /// once the run is over, or the thread is asked to end; then there is no job.
  bool wait_next();

  /// Of the current job.
  [[nodiscard]] Time release() const { return release_; }
  [[nodiscard]] Time deadline() const { return deadline_; }

 private:
  Time release_;
  Time deadline_;
};

}  // namespace candor
