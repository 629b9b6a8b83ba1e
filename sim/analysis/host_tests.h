// Whether the vCPU servers of all VMs can share a host's processors, for each way in which rivals schedule
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/analysis/packing.h"
#include "sim/analysis/periodic_resource.h"

namespace candor::sim::analysis {

/// What SCHED_DEADLINE admits of each processor: sched_rt_runtime_us / sched_rt_period_us, by default 950000
/// / 1000000 (Linux, Documentation/scheduler/sched-deadline.rst, 4.1 and 4.3).
inline constexpr double kDeadlineLimit = 0.95;

/// Partitioned EDF: for each server its processor. On one, EDF supplies every budget by the end of its period
/// if and only if bandwidths sum to at most 1 (C. L. Liu, J. W. Layland, JACM 20(1), 1973); `capacity` is
/// kDeadlineLimit for SCHED_DEADLINE in exclusive cpusets. Nothing if the heuristic finds no placement.
std::optional<std::vector<std::uint32_t>> partitioned_edf_placement(std::span<const PeriodicResource> servers,
                                                                    std::uint32_t processors, Fit fit,
                                                                    double capacity = 1);

/// Global EDF, sufficient: sum of bandwidths <= m - (m - 1) * the largest. A server whose budget is its
/// period is pinned to a processor of its own, and both are left out of it, as with the full vCPUs of Xu et
/// al. 2013 (interfaces.h). J. Goossens, S. Funk, S. Baruah, "Priority-Driven Scheduling of Periodic Task
/// Systems on Multiprocessors", Real-Time Systems 25, 2003; processors > 0.
bool global_edf_holds_by_bound(std::span<const PeriodicResource> servers, std::uint32_t processors);

/// Global EDF, sufficient: the bound above, or Baruah's test (demand.h), which is finer where servers are
/// many and slower to compute.
bool global_edf_holds(std::span<const PeriodicResource> servers, std::uint32_t processors);

/// Whether the kernel admits the servers as SCHED_DEADLINE threads of one root domain: sum of bandwidths at
/// most kDeadlineLimit for each processor. It bounds tardiness, and on more than one processor promises no
/// deadline (sched-deadline.rst, 3.3).
bool deadline_class_admits(std::span<const PeriodicResource> servers, std::uint32_t processors);

}  // namespace candor::sim::analysis
