// Workloads of random real-time tasks, for schedulability experiments.
#pragma once

#include "sim/analysis/task_sets.h"
#include "sim/scenario.h"

namespace candor::sim {

/// What a point asks of analysis::random_task_set().
analysis::TaskSetShape shape_at(const RandomSets& sets, std::uint32_t processors, double load);

/// VMs "vm-1", ..., with one thread of class deadline for each task, all in the set "tasks". Claims are
/// what the tasks are: periods, deadlines, and the work with what dispatching it costs. A VM has as many
/// vCPUs as it could use at once. Empty where no such task set exists (analysis::ShapeError).
std::vector<VmSpec> random_vms(const RandomSets& sets, std::uint32_t processors, double load,
                               std::uint64_t seed);

}  // namespace candor::sim
