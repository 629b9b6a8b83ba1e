// Random sets of real-time tasks in VMs, for schedulability experiments.
//
// Utilisations: RandFixedSum (utilisations.h). Periods: log-uniform, as P. Emberson, R. Stafford, R. I. Davis
// do (WATERS 2010), then rounded to the nearest of random_periods(), in the manner of J. Goossens, C. Macq,
// "Limitation of the Hyper-Period in Real-Time Periodic Task Set Generation" (RTS 2001): rounded to
// milliseconds alone, a few dozen periods have a common multiple that nobody can simulate.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "sim/analysis/tasks.h"
#include "sim/random.h"

namespace candor::sim::analysis {

/// All periods of random task sets divide this, so that every set repeats after it.
inline constexpr Duration kHyperperiod = milliseconds(1200);

/// The periods there are: divisors of kHyperperiod that are multiples of 0.1 ms, from 1 to 100 ms, ascending.
/// There are 33, each at most a quarter longer than the one before.
std::span<const Duration> random_periods();

struct TaskSetShape {
  std::uint32_t vms = 1;
  std::uint32_t tasks = 1;       // of all VMs together; each VM has as many as the next, or one more
  double utilisation = 0;        // sum over all tasks; 1 is one processor
  double least_utilisation = 0;  // of a task
  double most_utilisation = 1;   // of a task
  Duration shortest_period = milliseconds(1);
  Duration longest_period = milliseconds(100);
  double least_deadline = 1;  // 1: deadlines are the periods; below: uniform in
                              // [work + least_deadline * (period - work), period]
};

enum class ShapeError {
  kTasks,        // none, or fewer than VMs, or no VM
  kUtilisation,  // no tasks between least and most add up to it, or most is above 1
  kPeriods,      // none of random_periods() in [shortest, longest]
  kDeadline,     // least_deadline is not in [0, 1]
};

/// The task set that `random`'s seed stands for. Utilisations, periods and deadlines are streams of their
/// own: with one seed, sets of different utilisation have the same periods. The sum of utilisations is exact
/// up to work's rounding to a nanosecond.
Result<TaskSet, ShapeError> random_task_set(const TaskSetShape& shape, const Random& random);

}  // namespace candor::sim::analysis
