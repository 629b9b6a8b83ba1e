// The control of the benchmarks: what the same threads achieve as native ones,
// without guests or a host scheduler, on the same processor in the same minute.
//
// Real-time threads are SCHED_FIFO in rate-monotonic order, or SCHED_DEADLINE
// where asked for and permitted; batch threads are SCHED_OTHER. All are pinned to one processor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace candor::bench {

enum class RealtimePolicy { kFifo, kDeadline };

/// A thread of the control; `guest` is the guest whose part it plays.
struct ControlThread {
  std::string guest;
  Duration period{};  // 0: batch, always ready
  Duration work{};    // processor time of each job
};

struct ControlPlan {
  int processor = 0;
  Duration duration = seconds(10);
  RealtimePolicy policy = RealtimePolicy::kFifo;
  std::vector<ControlThread> threads;
};

/// What became of a thread; the same terms as a guest's statistics (docs/abi.md §9).
struct ControlThreadResult {
  std::uint64_t jobs = 0;
  std::uint64_t skipped = 0;
  std::uint64_t misses = 0;
  std::uint64_t work_units = 0;
  std::vector<std::int64_t> latencies_ns;
  std::int64_t cpu_ns = 0;
  std::int64_t delay_ns = 0;  // ready, but not running
  bool wrong_result = false;  // work_unit() computed something else than it must
};

struct ControlResult {
  std::vector<ControlThreadResult> threads;  // as in the plan
  RealtimePolicy policy = RealtimePolicy::kFifo;
  std::string policy_note;  // why it is not the one asked for
  std::uint64_t steps_per_ms = 0;
};

/// The value below which `percent` of the values lie (nearest rank); 0 without values. Sorts them.
[[nodiscard]] std::int64_t percentile(std::vector<std::int64_t>& values, double percent);

/// SCHED_FIFO priorities in rate-monotonic order: the shortest period highest, equal periods in the order
/// given, 0 for batch threads.
[[nodiscard]] std::vector<int> rate_monotonic(const std::vector<ControlThread>& threads);

/// Runs the plan. A watchdog above all of its threads ends the whole process,
/// status 70, if the run is not over two seconds after its time.
[[nodiscard]] Result<ControlResult, std::string> run_control(const ControlPlan& plan);

}  // namespace candor::bench
