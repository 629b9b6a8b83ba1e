// Server interfaces by compositional analysis: what vCPUs a VM needs so that its tasks meet their deadlines
// whatever the host does beside them. For the rivals, who are told no more than this.
//
// As in S. Xi, M. Xu, C. Lu, L. T. X. Phan, C. Gill, O. Sokolsky, I. Lee, "Real-Time Multi-Core Virtual
// Machine Scheduling in Xen" (RT-Xen 2.0), EMSOFT 2014: partitioned EDF in the guest with a periodic resource
// for each vCPU, or global EDF in the guest with a deterministic multiprocessor periodic resource.
// docs/simulator-rivals.md says what could be had of the sources.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/analysis/packing.h"
#include "sim/analysis/periodic_resource.h"

namespace candor::sim::analysis {

/// Which server periods are tried: all from `shortest` to `longest`. The one with the least bandwidth is
/// chosen, of equal ones the longest. CARTS (L. T. X. Phan et al., "CARTS: A Tool for Compositional Analysis
/// of Real-Time Systems", CRTS 2010) is given a range of periods, too; its text could not be checked.
struct PeriodSearch {
  Duration shortest = milliseconds(1);
  Duration longest = milliseconds(20);
  Duration step = milliseconds(1);
  Duration granule = microseconds(1);  // budgets are multiples; RTDS and xl take microseconds
  /// Added to each budget for what a period costs the vCPU in switches. Without it shorter is always about as
  /// good or better, and the search would only say `shortest`.
  Duration overhead;
};

/// One vCPU for `tasks` under EDF. Nothing if there is no interface in the search, or a task is not valid.
std::optional<PeriodicResource> vcpu_interface(std::span<const Task> tasks, const PeriodSearch& search);

/// A vCPU of a guest under partitioned EDF.
struct Partition {
  PeriodicResource resource;
  std::vector<std::uint32_t> tasks;  // indices of the VM's tasks

  bool operator==(const Partition&) const = default;
};

/// Tasks are packed, larger utilisations first, onto as few vCPUs as this `fit` can do with; a vCPU has room
/// while EDF on a whole processor would meet all deadlines. Then each gets its vcpu_interface(). Nothing if
/// one of them has none.
std::optional<std::vector<Partition>> partitioned_interface(std::span<const Task> tasks, Fit fit,
                                                            const PeriodSearch& search);

/// The deterministic multiprocessor periodic resource (DMPR): `full` vCPUs that are never without a
/// processor, and one that is a periodic resource, if its budget is not 0. M. Xu, L. T. X. Phan, I. Lee, O.
/// Sokolsky, S. Xi, C. Lu, C. Gill, "Cache-Aware Compositional Analysis of Real-Time Multicore Virtualization
/// Platforms", RTSS 2013, and Real-Time Systems 51, 2015.
struct MultiprocessorResource {
  std::uint32_t full = 0;
  PeriodicResource partial;

  bool operator==(const MultiprocessorResource&) const = default;
  [[nodiscard]] double bandwidth() const { return full + partial.bandwidth(); }
  /// One for each vCPU: full ones have a budget of the whole period.
  [[nodiscard]] std::vector<PeriodicResource> vcpus() const;
};

/// The DMPR with the least bandwidth for `tasks` under global EDF, by Baruah's test against its supply
/// (demand.h). On one vCPU that is the exact test of EDF. Nothing if there is none with up to as many vCPUs
/// as tasks, or a task is not valid.
std::optional<MultiprocessorResource> global_interface(std::span<const Task> tasks,
                                                       const PeriodSearch& search);

}  // namespace candor::sim::analysis
