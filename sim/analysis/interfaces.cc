#include "sim/analysis/interfaces.h"

#include <algorithm>

namespace candor::sim::analysis {
namespace {

bool all_valid(std::span<const Task> tasks) {
  return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(), valid);
}

bool edf_holds(std::span<const Task> tasks) {
  const Duration always = tasks.front().period;
  return smallest_budget(EdfDemand(tasks), 0, always, always, always).has_value();
}

// The best over the search's periods. `smallest` tells the budget for a period, before overhead, or nothing.
template <typename Smallest>
std::optional<PeriodicResource> best_period(const PeriodSearch& search, Smallest smallest) {
  std::optional<PeriodicResource> best;
  for (Duration period = search.shortest; period <= search.longest; period += search.step) {
    const std::optional<Duration> budget = smallest(period);
    if (!budget) continue;
    // A vCPU that is never without a processor has nobody to switch with.
    const Duration whole = *budget == period ? period : *budget + search.overhead;
    const PeriodicResource resource{period, std::min(whole, period)};
    if (!best || resource.bandwidth() <= best->bandwidth()) best = resource;
  }
  return best;
}

// The budget that supplies the demand of each task, with full + 1 vCPUs under global EDF.
std::optional<Duration> smallest_global_budget(std::span<const Task> tasks, std::uint32_t full,
                                               Duration period, Duration granule) {
  if (full == 0) return smallest_budget(EdfDemand(tasks), 0, period, granule);
  std::optional<Duration> budget = granule;
  for (std::size_t k = 0; k < tasks.size() && budget; ++k)
    budget = smallest_budget(GlobalEdfDemand(tasks, k, full + 1), full, period, granule, *budget);
  return budget;
}

}  // namespace

std::optional<PeriodicResource> vcpu_interface(std::span<const Task> tasks, const PeriodSearch& search) {
  if (!all_valid(tasks)) return {};
  const EdfDemand demand(tasks);
  return best_period(search,
                     [&](Duration period) { return smallest_budget(demand, 0, period, search.granule); });
}

std::optional<std::vector<Partition>> partitioned_interface(std::span<const Task> tasks, Fit fit,
                                                            const PeriodSearch& search) {
  if (!all_valid(tasks)) return {};
  std::vector<double> sizes;
  for (const Task& task : tasks) sizes.push_back(task.utilisation());
  std::vector<Task> part;
  // What EDF can do on a processor of its own it can do on a server, if need be one that takes the whole
  // processor.
  const auto fits = [&](std::span<const std::uint32_t> inside, std::uint32_t i) {
    part.assign(1, tasks[i]);
    for (const std::uint32_t other : inside) part.push_back(tasks[other]);
    return edf_holds(part);
  };
  std::optional<std::vector<std::uint32_t>> placement;
  std::uint32_t vcpus = 0;
  while (!placement && vcpus < tasks.size()) placement = packed(sizes, ++vcpus, fits, fit);
  if (!placement) return {};

  std::vector<Partition> result(vcpus);
  for (std::uint32_t i = 0; i < tasks.size(); ++i) result[(*placement)[i]].tasks.push_back(i);
  for (Partition& vcpu : result) {
    part.clear();
    for (const std::uint32_t i : vcpu.tasks) part.push_back(tasks[i]);
    const auto resource = vcpu_interface(part, search);
    if (!resource) return {};
    vcpu.resource = *resource;
  }
  return result;
}

std::vector<PeriodicResource> MultiprocessorResource::vcpus() const {
  std::vector<PeriodicResource> result(full, {partial.period, partial.period});
  if (partial.budget > Duration{}) result.push_back(partial);
  return result;
}

// More vCPUs let more tasks carry work in and so demand more: the first number that suffices has the least
// bandwidth.
std::optional<MultiprocessorResource> global_interface(std::span<const Task> tasks,
                                                       const PeriodSearch& search) {
  if (!all_valid(tasks)) return {};
  for (std::uint32_t full = 0; full < tasks.size(); ++full) {
    const auto partial = best_period(
        search, [&](Duration period) { return smallest_global_budget(tasks, full, period, search.granule); });
    if (!partial) continue;
    const bool whole = partial->budget == partial->period;
    return whole ? MultiprocessorResource{full + 1, {partial->period, {}}}
                 : MultiprocessorResource{full, *partial};
  }
  return {};
}

}  // namespace candor::sim::analysis
