// The real-time threads of a VM as schedulability analysis sees them, and processors for their servers.
// Rivals' configurations are made of these: xen/rtds_plan.h, linux/deadline_plan.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/analysis/tasks.h"
#include "sim/workload.h"

namespace candor::sim {

/// What is to be added to the budget for a job: a wake-up, the guest's own switches, and those of the host,
/// which may preempt the vCPU twice in each millisecond. A microsecond is left when the job is over: who has
/// used up all of its budget does not come to say so.
Duration overhead(const Costs& costs, Duration period);

struct RealtimeTasks {
  std::vector<analysis::Task> tasks;   // with overhead()
  std::vector<std::uint32_t> threads;  // of each task, its index in the VM
};
RealtimeTasks realtime_tasks(const VmSpec& vm, const Costs& costs);

/// A server that needs a processor. Those of one VM are placed together, or none of them.
struct Placeable {
  double bandwidth = 0;
  std::uint32_t vm = 0;
};

/// For each server its processor, or kNowhere (model.h). Spread evenly if that fits, else packed closely;
/// where not all VMs fit, servers are placed largest first, and a VM with one that finds no room goes.
std::vector<std::uint32_t> place(std::span<const Placeable> servers, std::uint32_t processors,
                                 double capacity);

}  // namespace candor::sim
