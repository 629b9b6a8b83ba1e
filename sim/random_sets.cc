#include "sim/random_sets.h"

#include <fmt/format.h>

#include <algorithm>

namespace candor::sim {

analysis::TaskSetShape shape_at(const RandomSets& sets, std::uint32_t processors, double load) {
  analysis::TaskSetShape shape;
  shape.vms = sets.vms.whole_at(processors, load);
  shape.tasks = sets.tasks.whole_at(processors, load);
  shape.utilisation = sets.utilisation.at(processors, load) * processors;
  shape.most_utilisation = sets.task_max;
  shape.shortest_period = sets.period_min;
  shape.longest_period = sets.period_max;
  shape.least_deadline = sets.deadline_min;
  return shape;
}

std::vector<VmSpec> random_vms(const RandomSets& sets, std::uint32_t processors, double load,
                               std::uint64_t seed) {
  const auto set = analysis::random_task_set(shape_at(sets, processors, load), Random(seed).stream("tasks"));
  std::vector<VmSpec> vms;
  if (!set.ok()) return vms;
  for (const analysis::Vm& drawn : set->vms) {
    VmSpec vm;
    vm.name = fmt::format("vm-{}", vms.size() + 1);
    for (const analysis::Task& task : drawn.tasks) {
      ThreadSpec thread;
      thread.name = fmt::format("task-{}", vm.threads.size() + 1);
      thread.set = "tasks";
      thread.cls = CANDOR_CLASS_DEADLINE;
      thread.arrival = Arrival::kPeriodic;
      thread.period = task.period;
      thread.deadline = task.relative_deadline;
      thread.work = task.work;
      vm.threads.push_back(std::move(thread));
    }
    const auto tasks = static_cast<std::uint32_t>(vm.threads.size());
    vm.vcpus = std::min(tasks, processors);
    vm.realtime_vcpus = std::min(tasks, CANDOR_MAX_VCPUS - vm.vcpus);
    vms.push_back(std::move(vm));
  }
  return vms;
}

}  // namespace candor::sim
