#include "sim/realtime_tasks.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "sim/analysis/packing.h"
#include "sim/model.h"

namespace candor::sim {

Duration overhead(const Costs& costs, Duration period) {
  const std::int64_t preemptions = 2 * (period.ns / milliseconds(1).ns + 1);
  return microseconds(1) + costs.wake_up + costs.guest_switch * 2 + costs.context_switch * (preemptions + 2);
}

RealtimeTasks realtime_tasks(const VmSpec& vm, const Costs& costs) {
  RealtimeTasks result;
  for (std::uint32_t i = 0; i < vm.threads.size(); ++i) {
    const ThreadSpec& t = vm.threads[i];
    if (!realtime(t)) continue;
    const Duration deadline = t.deadline.ns > 0 ? t.deadline : t.period;
    result.tasks.push_back({t.period, std::min(claimed(t) + overhead(costs, t.period), deadline), deadline});
    result.threads.push_back(i);
  }
  return result;
}

std::vector<std::uint32_t> place(std::span<const Placeable> servers, std::uint32_t processors,
                                 double capacity) {
  std::vector<double> sizes;
  for (const Placeable& s : servers) sizes.push_back(s.bandwidth);
  for (const analysis::Fit fit : {analysis::Fit::kWorst, analysis::Fit::kBest})
    if (auto placement = analysis::packed(sizes, processors, capacity, fit)) return *placement;

  std::vector<std::uint32_t> order(servers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return sizes[a] > sizes[b]; });
  std::vector<std::uint32_t> processor(servers.size(), kNowhere);
  std::vector<double> room(processors, capacity + analysis::kRounding);
  std::set<std::uint32_t> refused;
  for (const std::uint32_t i : order) {
    if (refused.contains(servers[i].vm)) continue;
    for (std::uint32_t p = 0; p < processors; ++p)
      if (room[p] >= sizes[i] && (processor[i] == kNowhere || room[p] < room[processor[i]])) processor[i] = p;
    if (processor[i] != kNowhere) {
      room[processor[i]] -= sizes[i];
      continue;
    }
    refused.insert(servers[i].vm);
    for (std::uint32_t other = 0; other < servers.size(); ++other) {
      if (servers[other].vm != servers[i].vm || processor[other] == kNowhere) continue;
      room[processor[other]] += sizes[other];
      processor[other] = kNowhere;
    }
  }
  return processor;
}

}  // namespace candor::sim
