// Static priorities of VMs, and whether tasks meet their deadlines under them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/analysis/packing.h"
#include "sim/analysis/tasks.h"

namespace candor::sim::analysis {

/// Indices of `vms`, highest priority first: rate monotonic (C. L. Liu, J. W. Layland, JACM 20(1), 1973), a
/// VM's rate being that of its shortest period; equal ones by index, VMs without tasks last.
std::vector<std::uint32_t> rate_monotonic_order(std::span<const Vm> vms);

/// Whether VMs on one processor meet all deadlines when vCPUs have static priorities in
/// rate_monotonic_order(), and each guest schedules its tasks by deadline-monotonic ones. Exact for sporadic
/// tasks, by response-time analysis (M. Joseph, P. Pandya, "Finding Response Times in a Real-Time System",
/// The Computer Journal 29(5), 1986). Tasks are valid.
bool fixed_priority_holds(std::span<const Vm> vms);

}  // namespace candor::sim::analysis
