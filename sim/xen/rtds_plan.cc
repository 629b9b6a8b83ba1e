#include "sim/xen/rtds_plan.h"

#include <algorithm>
#include <utility>

#include "sim/analysis/host_tests.h"
#include "sim/analysis/interfaces.h"
#include "sim/realtime_tasks.h"

namespace candor::sim {
namespace {

constexpr analysis::PeriodSearch kSearch;
constexpr Duration kPeriodOfRest = kSearch.longest * 2;
constexpr Duration kLeastBudget = microseconds(200);  // what a turn in extra time is worth its switches

struct RealtimeVcpu {
  std::uint32_t vm = 0;
  VcpuPlan* vcpu = nullptr;
  analysis::PeriodicResource resource;
};

// V1. False if there is no interface.
bool serve(const VmSpec& spec, const Costs& costs, VmPlan& vm) {
  const RealtimeTasks realtime = realtime_tasks(spec, costs);
  if (realtime.tasks.empty()) return true;
  analysis::PeriodSearch search = kSearch;
  search.overhead = costs.context_switch * 2;  // comes and goes; realtime_tasks() has counted the rest
  const auto interface = analysis::partitioned_interface(realtime.tasks, analysis::Fit::kBest, search);
  if (!interface) return false;
  const bool only = realtime.tasks.size() == spec.threads.size();
  vm.vcpus.resize(only ? interface->size() : std::max(vm.vcpus.size(), interface->size()));
  for (std::uint32_t v = 0; v < interface->size(); ++v) {
    const analysis::Partition& partition = (*interface)[v];
    vm.vcpus[v].cls = VcpuPlan::Class::kServer;
    vm.vcpus[v].budget = partition.resource.budget;
    vm.vcpus[v].period = partition.resource.period;
    for (const std::uint32_t task : partition.tasks) vm.vcpu_of[realtime.threads[task]] = v;
  }
  return true;
}

// V2.
void pin(std::span<const RealtimeVcpu> vcpus, std::uint32_t processors, Plan& plan) {
  std::vector<Placeable> parts;
  for (const RealtimeVcpu& v : vcpus) parts.push_back({v.resource.bandwidth(), v.vm});
  const std::vector<std::uint32_t> placement = place(parts, processors, 1);
  for (std::size_t i = 0; i < vcpus.size(); ++i) {
    vcpus[i].vcpu->processor = placement[i];
    if (placement[i] == kNowhere) plan.vms[vcpus[i].vm].refused = true;
  }
}

// V5, one VM after the other where not all pass.
void test_global(std::span<const RealtimeVcpu> vcpus, std::uint32_t processors, Plan& plan) {
  std::vector<analysis::PeriodicResource> admitted;
  for (const RealtimeVcpu& v : vcpus) admitted.push_back(v.resource);
  if (analysis::global_edf_holds(admitted, processors)) return;
  admitted.clear();
  for (const RealtimeVcpu& v : vcpus) {
    admitted.push_back(v.resource);
    if (analysis::global_edf_holds_by_bound(admitted, processors)) continue;
    plan.vms[v.vm].refused = true;
    admitted.pop_back();
  }
}

// V3.
void share_rest(const Workload& workload, double rest, Plan& plan) {
  double weights = 0;
  const auto each = [&](auto f) {
    for (std::size_t i = 0; i < plan.vms.size(); ++i)
      for (VcpuPlan& v : plan.vms[i].vcpus)
        if (v.cls != VcpuPlan::Class::kServer) f(v, static_cast<double>(workload.vms[i].weight));
  };
  each([&](const VcpuPlan&, double weight) { weights += weight; });
  each([&](VcpuPlan& v, double weight) {
    const double part = std::clamp(rest * weight / weights, 1e-4, 1.0);
    const double period =
        std::max(static_cast<double>(kPeriodOfRest.ns), static_cast<double>(kLeastBudget.ns) / part);
    v.period = Duration{static_cast<std::int64_t>(period)};
    v.budget = std::min(Duration{static_cast<std::int64_t>(period * part)}, v.period);
  });
  each([](VcpuPlan& v, double) { v.cls = VcpuPlan::Class::kServer; });
}

}  // namespace

void plan_rtds(const Workload& workload, bool partitioned, Plan& plan) {
  const MachineSpec& machine = workload.machine;
  for (std::size_t i = 0; i < plan.vms.size(); ++i)
    plan.vms[i].refused = !serve(workload.vms[i], machine.costs, plan.vms[i]);

  std::vector<RealtimeVcpu> vcpus;
  double rest = machine.processors;
  for (std::uint32_t i = 0; i < plan.vms.size(); ++i) {
    for (VcpuPlan& v : plan.vms[i].vcpus) {
      if (v.cls != VcpuPlan::Class::kServer) continue;
      vcpus.push_back({i, &v, {v.period, v.budget}});
      rest -= vcpus.back().resource.bandwidth();
    }
  }
  if (partitioned)
    pin(vcpus, machine.processors, plan);
  else if (!vcpus.empty())
    test_global(vcpus, machine.processors, plan);
  share_rest(workload, rest, plan);
}

}  // namespace candor::sim
