// Processor time, spent on purpose: for load generators and benchmarks.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace candor {

/// Knows how long a unit of work takes. A unit is the same short computation in
/// every guest, so units done can be compared between guests and between runs.
class Work {
 public:
  /// Measures for a millisecond or so. Others may use the same processor: the
  /// shortest of many short samples is the one that nobody interrupted.
  static Work calibrate();

  /// How many units `cpu` of undisturbed processor time makes; at least 1.
  [[nodiscard]] std::uint64_t units_in(Duration cpu) const;

  /// About 1.3 us each at 3 GHz. Touches no memory.
  static void do_units(std::uint64_t units);

  /// Computes until the calling thread has used `cpu` of processor time, to within
  /// a few microseconds. Time in which others ran is not counted; that a busy
  /// neighbour on the same core makes the processor slower, is.
  void spend(Duration cpu) const;

 private:
  explicit Work(std::uint64_t steps_per_ms) : steps_per_ms_(steps_per_ms) {}
  std::uint64_t steps_per_ms_;
};

}  // namespace candor
