// Real-time tasks, as schedulability analysis sees them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"

namespace candor::sim::analysis {

/// Every `period` at most, a job of `work` is released; it is due `relative_deadline` later.
/// Analyses need 0 < work <= relative_deadline <= period <= kLongestPeriod.
struct Task {
  Duration period;
  Duration work;
  Duration relative_deadline;

  bool operator==(const Task&) const = default;
  [[nodiscard]] double utilisation() const {
    return static_cast<double>(work.ns) / static_cast<double>(period.ns);
  }
};

struct Vm {
  std::vector<Task> tasks;

  bool operator==(const Vm&) const = default;
};

struct TaskSet {
  std::vector<Vm> vms;

  bool operator==(const TaskSet&) const = default;
};

/// Keeps sums of a few thousand jobs far from overflow.
inline constexpr Duration kLongestPeriod = seconds(60);

/// Utilisations are sums of rounded quotients: up to this beyond a limit they count as within.
inline constexpr double kRounding = 1e-9;

constexpr bool valid(const Task& task) {
  return Duration{} < task.work && task.work <= task.relative_deadline &&
         task.relative_deadline <= task.period && task.period <= kLongestPeriod;
}

inline double utilisation(std::span<const Task> tasks) {
  double sum = 0;
  for (const Task& task : tasks) sum += task.utilisation();
  return sum;
}

}  // namespace candor::sim::analysis
