// What a policy makes of a workload before it runs: which vCPUs a VM has, how the host
// counts them, and which of its threads runs where.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "sim/model.h"
#include "sim/workload.h"

namespace candor::sim {

struct VcpuPlan {
  enum class Class {
    kFair,      // by the VM's weight
    kFifo,      // by level
    kServer,    // budget in each period, earliest deadline first
    kReserved,  // carries claims of the composite scheduler
  };
  Class cls = Class::kFair;
  int level = 0;                       // kFifo: higher is more urgent
  Duration budget{}, period{};         // kServer
  bool extratime = true;               // kServer of RTDS: also runs in time that nobody has reserved
  std::uint32_t processor = kNowhere;  // pinned to it
  bool shared = true;                  // runs threads that are bound to no vCPU
};

struct VmPlan {
  std::vector<VcpuPlan> vcpus;
  std::vector<std::uint32_t> vcpu_of;  // thread: its only vCPU; kNowhere: any shared one
  bool aware = false;
  bool refused = false;  // its interface did not fit
};

struct Plan {
  std::vector<VmPlan> vms;

  /// VMs whose interface did not fit.
  [[nodiscard]] std::uint32_t refused() const {
    return static_cast<std::uint32_t>(
        std::count_if(vms.begin(), vms.end(), [](auto& vm) { return vm.refused; }));
  }
};

}  // namespace candor::sim
