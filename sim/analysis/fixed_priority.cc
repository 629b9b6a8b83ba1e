#include "sim/analysis/fixed_priority.h"

#include <algorithm>
#include <numeric>

namespace candor::sim::analysis {
namespace {

Duration shortest_period(const Vm& vm) {
  Duration shortest{INT64_MAX};
  for (const Task& task : vm.tasks) shortest = std::min(shortest, task.period);
  return shortest;
}

// The response time of `task` below `higher`, or more than its deadline.
Duration response(const Task& task, std::span<const Task> higher) {
  Duration guess = task.work;
  for (;;) {
    Duration next = task.work;
    for (const Task& other : higher)
      next += other.work * ((guess + other.period - Duration{1}).ns / other.period.ns);
    if (next == guess || task.relative_deadline < next) return next;
    guess = next;
  }
}

}  // namespace

std::vector<std::uint32_t> rate_monotonic_order(std::span<const Vm> vms) {
  std::vector<std::uint32_t> order(vms.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return shortest_period(vms[a]) < shortest_period(vms[b]); });
  return order;
}

bool fixed_priority_holds(std::span<const Vm> vms) {
  std::vector<Task> higher;
  for (const std::uint32_t v : rate_monotonic_order(vms)) {
    std::vector<Task> tasks = vms[v].tasks;
    std::stable_sort(tasks.begin(), tasks.end(),
                     [](const Task& a, const Task& b) { return a.relative_deadline < b.relative_deadline; });
    for (const Task& task : tasks) {
      if (task.relative_deadline < response(task, higher)) return false;
      higher.push_back(task);
    }
  }
  return true;
}

}  // namespace candor::sim::analysis
