#include "sim/run.h"

#include "sim/machine.h"
#include "sim/policies.h"

namespace candor::sim {

const char* to_string(Policy policy) {
  switch (policy) {
    case Policy::kComposite:
      return "composite";
    case Policy::kFair:
      return "fair";
    case Policy::kCredit2:
      return "credit2";
    case Policy::kRtdsGlobal:
      return "rtds-global";
    case Policy::kRtdsPartitioned:
      return "rtds-partitioned";
    case Policy::kStaticFifo:
      return "static-fifo";
    case Policy::kStaticDeadline:
      return "static-deadline";
  }
  return "?";
}

RunResult run(const Workload& workload, Policy policy, const RunOptions& options) {
  const Plan made = plan(workload, policy);
  Machine machine(workload, made, options);
  const auto host = make_host(machine, made, policy);
  return machine.run(*host);
}

}  // namespace candor::sim
