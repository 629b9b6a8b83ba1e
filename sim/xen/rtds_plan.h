// How VMs are configured for RTDS.
//
//  V1  A VM with real-time threads: these are packed onto as few vCPUs as EDF in the guest can do with, and
//      bound to them; each vCPU has the periodic resource with the least bandwidth (analysis/interfaces.h).
//      Partitioned EDF in the guest needs less than global EDF by RT-Xen 2.0's finding (S. Xi et al., EMSOFT
//      2014), so it serves both modes. Fair threads run on the same vCPUs, after the others.
//  V2  Partitioned: these vCPUs are pinned, by bandwidth; those of a VM that finds no room are not.
//  V3  All other vCPUs are not pinned, and have what the real-time ones leave of the machine, by weight. RTDS
//      has no weights, but shares time that nobody has reserved in proportion to budget / period. Their
//      periods are longer than all those of V1, whose deadlines hence come first most of the time.
//  V4  Extra time is on for all: Xen's default.
//  V5  Xen admits everything. VMs that the analysis would not admit are marked as refused, and run like
//  others.
//
// docs/simulator-rivals.md has the sources. Budgets of V3 are our own: no document gives any.
#pragma once

#include "sim/plan.h"
#include "sim/workload.h"

namespace candor::sim {

/// `plan` has as many fair vCPUs for each VM as its specification says.
void plan_rtds(const Workload& workload, bool partitioned, Plan& plan);

}  // namespace candor::sim
