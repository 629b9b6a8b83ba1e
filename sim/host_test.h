// For tests of hosts: VMs of one vCPU with single jobs, at no cost, and who ran where when.
#pragma once

#include <gtest/gtest.h>

#include <concepts>
#include <sstream>
#include <string>
#include <vector>

#include "sim/machine.h"

namespace candor::sim {

inline VcpuPlan server(Duration budget, Duration period, std::uint32_t processor = kNowhere,
                       bool extratime = false) {
  VcpuPlan v;
  v.cls = VcpuPlan::Class::kServer;
  v.budget = budget;
  v.period = period;
  v.processor = processor;
  v.extratime = extratime;
  return v;
}

struct Job {
  Duration at, work;
};

inline Job job(Duration at, Duration work) {
  return {at, work};
}

template <typename HostType>
class HostTest : public testing::Test {
 protected:
  void processors(std::uint32_t count) { workload_.machine.processors = count; }

  /// A VM with one vCPU that does the jobs; VMs are numbered from 0.
  template <std::same_as<Job>... Jobs>
  void add(const VcpuPlan& vcpu, Jobs... jobs) {
    VmSpec vm;
    vm.weight = weight_;
    for (const Job& j : {jobs...}) {
      ThreadSpec t;
      t.name = "job";
      t.cls = CANDOR_CLASS_FIXED;
      t.priority = 1;
      t.arrival = Arrival::kPeriodic;
      t.period = seconds(1000);
      t.offset = j.at;
      t.work = j.work;
      vm.threads.push_back(t);
    }
    workload_.vms.push_back(vm);
    VmPlan& plan = plan_.vms.emplace_back();
    plan.vcpus.push_back(vcpu);
    plan.vcpu_of.assign(vm.threads.size(), kNowhere);
  }
  void weight(std::uint32_t weight) { weight_ = weight; }

  RunResult run(Duration duration) {
    workload_.machine.costs = {{}, {}, {}, {}, {}};
    const RunOptions options{.duration = duration, .seed = 1, .until_miss = false};
    Machine machine(workload_, plan_, options);
    HostType host = [&] {
      if constexpr (std::constructible_from<HostType, Machine&, const Plan&>)
        return HostType(machine, plan_);
      else
        return HostType(machine);
    }();
    traces_.assign(machine.count(), {});
    const Time start = machine.now();
    machine.observe([&] {
      for (std::uint32_t p = 0; p < machine.count(); ++p) {
        const Vcpu* v = machine.current(p);
        auto& trace = traces_[p];
        if (!trace.empty() && trace.back().at == machine.now() - start) trace.pop_back();
        const std::uint32_t vm = v != nullptr ? v->vm->index : kNowhere;
        if (trace.empty() || trace.back().vm != vm) trace.push_back({machine.now() - start, vm});
      }
    });
    return machine.run(host);
  }

  /// "0:1 2.5:-": from the start VM 1 has the processor, from 2.5 ms on nobody.
  [[nodiscard]] std::string trace(std::uint32_t processor = 0) const {
    std::ostringstream text;
    for (const Entry& e : traces_[processor]) {
      text << (text.tellp() > 0 ? " " : "") << static_cast<double>(e.at.ns) / 1e6 << ':';
      if (e.vm == kNowhere)
        text << '-';
      else
        text << e.vm;
    }
    return text.str();
  }

 private:
  struct Entry {
    Duration at;
    std::uint32_t vm = kNowhere;
  };

  Workload workload_;
  Plan plan_;
  std::uint32_t weight_ = 100;
  std::vector<std::vector<Entry>> traces_;  // by processor
};

}  // namespace candor::sim
