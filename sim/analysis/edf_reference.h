// For tests: global EDF, step by step, on a platform that supplies as little as it may.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/analysis/periodic_resource.h"
#include "sim/analysis/tasks.h"

namespace candor::sim::analysis {

/// The first deadline that is missed before `end` when all tasks release their first job at 0, and every
/// later one a period after the one before it, on `full` processors and `resource`, whose budget was used up
/// just before 0 and from then on comes as late as it may.
inline std::optional<Duration> first_miss(std::span<const Task> tasks, std::uint32_t full,
                                          const PeriodicResource& resource, Duration end) {
  struct Job {
    Duration deadline;
    Duration left;
  };
  std::vector<Job> ready;
  std::vector<Duration> release(tasks.size());
  for (Duration now; now < end;) {
    Duration next = end;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (release[i] == now) {
        ready.push_back({now + tasks[i].relative_deadline, tasks[i].work});
        release[i] += tasks[i].period;
      }
      next = std::min(next, release[i]);
    }
    std::stable_sort(ready.begin(), ready.end(), [](auto& a, auto& b) { return a.deadline < b.deadline; });
    if (!ready.empty() && ready.front().deadline <= now) return ready.front().deadline;

    // The resource is there in the last `budget` of each of its periods, which begin at 2 (period - budget) -
    // (period - budget).
    const Duration gap = resource.period - resource.budget;
    const std::int64_t into = now < gap ? -1 : (now - gap).ns % resource.period.ns;
    const bool supplied = into >= gap.ns && resource.budget.ns > 0;
    const Duration change =
        into < 0 ? gap - now : Duration{into < gap.ns ? gap.ns - into : resource.period.ns - into};
    next = std::min(next, now + change);

    const std::size_t running = std::min<std::size_t>(ready.size(), full + (supplied ? 1 : 0));
    for (std::size_t i = 0; i < running; ++i) next = std::min(next, now + ready[i].left);
    for (const Job& job : ready) next = std::min(next, job.deadline);
    for (std::size_t i = 0; i < running; ++i) ready[i].left -= next - now;
    std::erase_if(ready, [](const Job& job) { return job.left == Duration{}; });
    now = next;
  }
  return {};
}

}  // namespace candor::sim::analysis
