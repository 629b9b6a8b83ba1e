// What each policy makes of a workload. docs/simulator-rivals.md says why each rival is configured so.
#pragma once

#include <memory>

#include "sim/host.h"
#include "sim/machine.h"
#include "sim/plan.h"

namespace candor::sim {

Plan plan(const Workload& workload, Policy policy);

/// A scheduler for this machine, which was made by the same plan.
std::unique_ptr<Host> make_host(Machine& machine, const Plan& plan, Policy policy);

}  // namespace candor::sim
