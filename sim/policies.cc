#include "sim/policies.h"

#include <algorithm>
#include <map>

#include "sim/composite_host.h"
#include "sim/linux/deadline_plan.h"
#include "sim/linux/linux_host.h"
#include "sim/xen/credit2_host.h"
#include "sim/xen/rtds_host.h"
#include "sim/xen/rtds_plan.h"

namespace candor::sim {
namespace {

VmPlan fair_plan(const VmSpec& vm) {
  VmPlan plan;
  plan.vcpus.resize(std::max(vm.vcpus, 1u));
  plan.vcpu_of.assign(vm.threads.size(), kNowhere);
  return plan;
}

// One real-time vCPU for each real-time thread, unless the VM says how many.
VmPlan composite_plan(const VmSpec& vm) {
  VmPlan plan = fair_plan(vm);
  plan.aware = true;
  std::uint32_t count = vm.realtime_vcpus;
  if (count == 0)
    count = static_cast<std::uint32_t>(std::count_if(vm.threads.begin(), vm.threads.end(), realtime));
  for (std::uint32_t i = 0; i < count; ++i)
    plan.vcpus.push_back({.cls = VcpuPlan::Class::kReserved, .shared = false});
  return plan;
}

// VMs with real-time threads: the shorter their shortest period the higher their vCPUs' level.
void static_fifo(const Workload& workload, Plan& plan) {
  std::map<Duration, std::vector<std::size_t>> by_period;
  for (std::size_t i = 0; i < workload.vms.size(); ++i) {
    Duration shortest = kForever;
    for (const ThreadSpec& t : workload.vms[i].threads)
      if (realtime(t)) shortest = std::min(shortest, t.period);
    if (shortest != kForever) by_period[shortest].push_back(i);
  }
  int level = 98;
  for (const auto& [period, vms] : by_period) {
    for (const std::size_t i : vms)
      for (VcpuPlan& v : plan.vms[i].vcpus) v.cls = VcpuPlan::Class::kFifo, v.level = level;
    level = std::max(level - 1, 1);
  }
}

}  // namespace

Plan plan(const Workload& workload, Policy policy) {
  Plan plan;
  for (const VmSpec& vm : workload.vms)
    plan.vms.push_back(policy == Policy::kComposite ? composite_plan(vm) : fair_plan(vm));
  if (policy == Policy::kStaticFifo) static_fifo(workload, plan);
  if (policy == Policy::kStaticDeadline) plan_static_deadline(workload, plan);
  if (policy == Policy::kRtdsGlobal) plan_rtds(workload, false, plan);
  if (policy == Policy::kRtdsPartitioned) plan_rtds(workload, true, plan);
  return plan;
}

std::unique_ptr<Host> make_host(Machine& machine, const Plan& plan, Policy policy) {
  switch (policy) {
    case Policy::kComposite:
      return std::make_unique<CompositeHost>(machine, plan);
    case Policy::kCredit2:
      return std::make_unique<Credit2Host>(machine);
    case Policy::kRtdsGlobal:
    case Policy::kRtdsPartitioned:
      return std::make_unique<RtdsHost>(machine, plan);
    case Policy::kFair:
    case Policy::kStaticFifo:
    case Policy::kStaticDeadline:
      break;
  }
  return std::make_unique<LinuxHost>(machine, plan);
}

}  // namespace candor::sim
