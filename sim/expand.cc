#include "sim/expand.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/random.h"
#include "sim/random_sets.h"

namespace candor::sim {
namespace {

std::string numbered(const std::string& name, std::uint32_t index, std::uint32_t count) {
  return count > 1 ? fmt::format("{}-{}", name, index + 1) : name;
}

VmSpec make_vm(const VmKind& kind, std::uint32_t processors, double load) {
  VmSpec vm = kind.vm;
  vm.vcpus = kind.vcpus.whole_at(processors, load);
  std::vector<std::uint32_t> counts, firsts;
  std::uint32_t threads = 0;
  for (const ThreadKind& thread : kind.threads) {
    counts.push_back(thread.count.whole_at(processors, load));
    firsts.push_back(threads);
    threads += counts.back();
  }
  for (std::size_t k = 0; k < kind.threads.size(); ++k) {
    for (std::uint32_t i = 0; i < counts[k]; ++i) {
      ThreadSpec thread = kind.threads[k].thread;
      thread.name = numbered(thread.name, i, counts[k]);
      for (Step& step : thread.steps)
        if (step.kind == Step::Kind::kWake)
          step.target = firsts[step.target] + i % std::max(counts[step.target], 1U);
      vm.threads.push_back(std::move(thread));
    }
  }
  const auto claims =
      static_cast<std::uint32_t>(std::count_if(vm.threads.begin(), vm.threads.end(), realtime));
  vm.realtime_vcpus = kind.realtime_vcpus.value_or(std::min(claims, CANDOR_MAX_VCPUS - vm.vcpus));
  return vm;
}

}  // namespace

Workload workload_at(const Scenario& scenario, std::uint32_t processors, std::size_t load,
                     std::uint64_t seed) {
  const double value = scenario.loads()[load];
  Workload workload;
  workload.machine = scenario.machine;
  workload.machine.processors = processors;
  if (scenario.random) workload.vms = random_vms(*scenario.random, processors, value, seed);
  for (const VmKind& kind : scenario.vms) {
    if (!kind.only.empty() && std::find(kind.only.begin(), kind.only.end(), load) == kind.only.end())
      continue;
    const std::uint32_t count = kind.count.whole_at(processors, value);
    const VmSpec vm = make_vm(kind, processors, value);
    for (std::uint32_t i = 0; i < count; ++i) {
      workload.vms.push_back(vm);
      workload.vms.back().name = numbered(kind.vm.name, i, count);
    }
  }
  return workload;
}

std::uint64_t seed_of(const Scenario& scenario, std::uint32_t processors, std::size_t load,
                      std::uint32_t run) {
  return Random(scenario.seed)
      .stream("processors", processors)
      .stream("load", scenario.random ? load : 0)
      .stream("run", run)
      .next();
}

}  // namespace candor::sim
