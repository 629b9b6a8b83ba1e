// From a scenario to the workload of one of its points.
#pragma once

#include <cstdint>

#include "sim/scenario.h"
#include "sim/workload.h"

namespace candor::sim {

/// The workload with so many processors, at scenario.loads()[load]. `seed` decides what a random task set is
/// made of; workloads of VMs are the same for all seeds.
Workload workload_at(const Scenario& scenario, std::uint32_t processors, std::size_t load,
                     std::uint64_t seed);

/// The seed of one run. All policies get the same. Where VMs are written down, so do all loads: what differs
/// between two of them is then what the axis changes, and not luck.
std::uint64_t seed_of(const Scenario& scenario, std::uint32_t processors, std::size_t load,
                      std::uint32_t run);

}  // namespace candor::sim
