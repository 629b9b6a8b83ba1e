#include "sim/analysis/host_tests.h"

#include <algorithm>

namespace candor::sim::analysis {
namespace {

std::vector<double> bandwidths(std::span<const PeriodicResource> servers) {
  std::vector<double> result;
  for (const PeriodicResource& server : servers) result.push_back(server.bandwidth());
  return result;
}

double total_bandwidth(std::span<const PeriodicResource> servers) {
  double sum = 0;
  for (const PeriodicResource& server : servers) sum += server.bandwidth();
  return sum;
}

// What is left to be scheduled when servers of a whole processor have theirs. To the host a server is a task
// that is due at the end of its period.
struct Shared {
  Shared(std::span<const PeriodicResource> servers, std::uint32_t all) : processors(all) {
    for (const PeriodicResource& server : servers) {
      if (server.budget >= server.period)
        --processors;
      else if (server.budget > Duration{})
        tasks.push_back({server.period, server.budget, server.period});
    }
  }

  std::vector<Task> tasks;
  std::int64_t processors;
};

}  // namespace

std::optional<std::vector<std::uint32_t>> partitioned_edf_placement(std::span<const PeriodicResource> servers,
                                                                    std::uint32_t processors, Fit fit,
                                                                    double capacity) {
  return packed(bandwidths(servers), processors, capacity, fit);
}

bool global_edf_holds_by_bound(std::span<const PeriodicResource> servers, std::uint32_t processors) {
  const Shared shared(servers, processors);
  double sum = 0;
  double largest = 0;
  for (const Task& task : shared.tasks) {
    sum += task.utilisation();
    largest = std::max(largest, task.utilisation());
  }
  if (shared.tasks.empty()) return shared.processors >= 0;
  return shared.processors > 0 && sum <= shared.processors - (shared.processors - 1) * largest + kRounding;
}

bool global_edf_holds(std::span<const PeriodicResource> servers, std::uint32_t processors) {
  if (global_edf_holds_by_bound(servers, processors)) return true;
  const Shared shared(servers, processors);
  if (shared.processors <= 0) return false;
  const auto count = static_cast<std::uint32_t>(shared.processors);
  for (std::size_t k = 0; k < shared.tasks.size(); ++k) {
    if (!valid(shared.tasks[k])) return false;
    // All processors are whole ones: the last as a resource that is always there.
    const Duration always = shared.tasks[k].period;
    if (!smallest_budget(GlobalEdfDemand(shared.tasks, k, count), count - 1, always, always, always))
      return false;
  }
  return true;
}

bool deadline_class_admits(std::span<const PeriodicResource> servers, std::uint32_t processors) {
  return total_bandwidth(servers) <= kDeadlineLimit * processors + kRounding;
}

}  // namespace candor::sim::analysis
