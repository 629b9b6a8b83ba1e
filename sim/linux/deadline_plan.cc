#include "sim/linux/deadline_plan.h"

#include <algorithm>

#include "sim/analysis/host_tests.h"
#include "sim/realtime_tasks.h"

namespace candor::sim {
namespace {

struct Server {
  std::uint32_t vm = 0;
  std::uint32_t thread = 0;
  Duration budget, period;
};

}  // namespace

void plan_static_deadline(const Workload& workload, Plan& plan) {
  std::vector<Server> servers;
  std::vector<Placeable> parts;
  for (std::uint32_t i = 0; i < plan.vms.size(); ++i) {
    const RealtimeTasks realtime = realtime_tasks(workload.vms[i], workload.machine.costs);
    plan.vms[i].refused = !std::all_of(realtime.tasks.begin(), realtime.tasks.end(), analysis::valid);
    if (plan.vms[i].refused) continue;
    for (std::size_t t = 0; t < realtime.tasks.size(); ++t) {
      const Duration budget = realtime.tasks[t].work, period = realtime.tasks[t].relative_deadline;
      servers.push_back({i, realtime.threads[t], budget, period});
      parts.push_back({static_cast<double>(budget.ns) / static_cast<double>(period.ns), i});
    }
    if (realtime.tasks.size() == workload.vms[i].threads.size()) plan.vms[i].vcpus.clear();
  }
  // The limit of the class and the share of fair threads are two settings, which an administrator sets alike.
  const double limit = workload.machine.fair_server.ns > 0 ? analysis::kDeadlineLimit : 1;
  const std::vector<std::uint32_t> processors = place(parts, workload.machine.processors, limit);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const Server& s = servers[i];
    VmPlan& vm = plan.vms[s.vm];
    if (processors[i] == kNowhere) {
      vm.refused = true;
      vm.vcpus.resize(std::max(workload.vms[s.vm].vcpus, 1u));
      continue;
    }
    vm.vcpu_of[s.thread] = static_cast<std::uint32_t>(vm.vcpus.size());
    VcpuPlan& v = vm.vcpus.emplace_back();
    v.cls = VcpuPlan::Class::kServer;
    v.budget = s.budget;
    v.period = s.period;
    v.processor = processors[i];
    v.shared = false;
  }
}

}  // namespace candor::sim
