#include "sim/policies.h"

#include <gtest/gtest.h>

#include "sim/run.h"

namespace candor::sim {
namespace {

ThreadSpec periodic(Duration period, Duration work, const std::string& name = "loop") {
  ThreadSpec t;
  t.name = name;
  t.cls = CANDOR_CLASS_DEADLINE;
  t.arrival = Arrival::kPeriodic;
  t.period = period;
  t.work = work;
  return t;
}

ThreadSpec busy() {
  ThreadSpec t;
  t.name = "busy";
  return t;
}

VmSpec vm_of(std::vector<ThreadSpec> threads, std::uint32_t weight = 100) {
  VmSpec vm;
  vm.weight = weight;
  vm.threads = std::move(threads);
  return vm;
}

Workload workload_of(std::uint32_t processors, std::vector<VmSpec> vms) {
  Workload w;
  w.machine.processors = processors;
  w.vms = std::move(vms);
  return w;
}

// Without a claim for its steps it would be refused, and late behind the other VM's endless work.
TEST(Policies, ARealTimeThreadOfStepsIsServedByWhatTheyCompute) {
  ThreadSpec loop = periodic(milliseconds(10), {});
  for (int i = 0; i < 2; ++i)
    loop.steps.push_back({.kind = Step::Kind::kCompute, .time = milliseconds(4), .target = 0});
  const Workload w = workload_of(1, {vm_of({loop}), vm_of({busy()})});
  for (const Policy policy : {Policy::kComposite, Policy::kStaticDeadline}) {
    const RunResult result = run(w, policy, {.duration = seconds(1)});
    const SetResult& set = result.sets.at(0);
    EXPECT_GT(set.jobs, 90U) << to_string(policy);
    EXPECT_EQ(set.refused, 0U) << to_string(policy);
    EXPECT_EQ(set.misses, 0U) << to_string(policy);
  }
}

double bandwidth(const VcpuPlan& v) {
  return static_cast<double>(v.budget.ns) / static_cast<double>(v.period.ns);
}

std::uint64_t refused(const RunResult& r) {
  std::uint64_t sum = 0;
  for (const SetResult& s : r.sets) sum += s.refused;
  return sum;
}

class Servers : public testing::TestWithParam<Policy> {};

TEST_P(Servers, ReservedThreadsMeetTheirDeadlinesBesideBusyVms) {
  std::vector<VmSpec> vms;
  for (int i = 0; i < 4; ++i)
    vms.push_back(vm_of(
        {periodic(milliseconds(20), milliseconds(3)), periodic(milliseconds(5), microseconds(300)), busy()}));
  for (int i = 0; i < 3; ++i) vms.push_back(vm_of({busy()}));
  const RunResult r = run(workload_of(2, vms), GetParam(), {.duration = seconds(5)});
  EXPECT_EQ(r.realtime_misses(), 0u);
  EXPECT_EQ(refused(r), 0u);
  for (const VmResult& vm : r.vms) EXPECT_GT(vm.work, milliseconds(500));
}

TEST_P(Servers, AThreadHasAVcpuWhoseServerSufficesForIt) {
  const Workload w = workload_of(1, {vm_of({periodic(milliseconds(10), milliseconds(2)), busy()})});
  const Plan made = plan(w, GetParam());
  const VmPlan& vm = made.vms[0];
  ASSERT_NE(vm.vcpu_of[0], kNowhere);
  const VcpuPlan& v = vm.vcpus[vm.vcpu_of[0]];
  EXPECT_EQ(v.cls, VcpuPlan::Class::kServer);
  EXPECT_GT(bandwidth(v), 0.2);
  EXPECT_LT(bandwidth(v), 0.3);
  EXPECT_EQ(vm.vcpu_of[1], kNowhere);
}

TEST_P(Servers, WhatDoesNotFitIsSaid) {
  const Workload w = workload_of(1, {vm_of({periodic(milliseconds(10), milliseconds(6))}),
                                     vm_of({periodic(milliseconds(10), milliseconds(5))})});
  EXPECT_EQ(plan(w, GetParam()).refused(), 1u);
  EXPECT_EQ(refused(run(w, GetParam(), {.duration = milliseconds(100)})), 1u);
}

INSTANTIATE_TEST_SUITE_P(Policies, Servers,
                         testing::Values(Policy::kRtdsGlobal, Policy::kRtdsPartitioned,
                                         Policy::kStaticDeadline),
                         [](const auto& test) {
                           std::string name = to_string(test.param);
                           std::erase(name, '-');
                           return name;
                         });

// D1, D3
TEST(StaticDeadline, EachRealTimeThreadHasAVcpuOfItsOwn) {
  const Workload w = workload_of(2, {vm_of({periodic(milliseconds(10), milliseconds(2)), busy(),
                                            periodic(milliseconds(20), milliseconds(2))})});
  const Plan made = plan(w, Policy::kStaticDeadline);
  const VmPlan& vm = made.vms[0];
  ASSERT_EQ(vm.vcpus.size(), 3u);
  EXPECT_EQ(vm.vcpus[0].cls, VcpuPlan::Class::kFair);
  EXPECT_EQ(vm.vcpu_of, (std::vector<std::uint32_t>{1, kNowhere, 2}));
  EXPECT_EQ(vm.vcpus[1].period, milliseconds(10));
  EXPECT_FALSE(vm.vcpus[1].shared);
  EXPECT_NE(vm.vcpus[1].processor, vm.vcpus[2].processor);
}

// D2
TEST(StaticDeadline, AProcessorAdmitsNinetyFivePercent) {
  Workload w = workload_of(1, {vm_of({periodic(milliseconds(10), milliseconds(7))}),
                               vm_of({periodic(milliseconds(10), microseconds(2'400))})});
  w.machine.costs = {{}, {}, {}, {}, {}};
  EXPECT_EQ(plan(w, Policy::kStaticDeadline).refused(), 0u);
  w.vms[1].threads[0].work = microseconds(2'600);
  const Plan made = plan(w, Policy::kStaticDeadline);
  EXPECT_FALSE(made.vms[0].refused);
  EXPECT_TRUE(made.vms[1].refused);
  EXPECT_EQ(made.vms[1].vcpus[0].cls, VcpuPlan::Class::kFair);
}

// V1, V2: 0.6 and 0.6 need two vCPUs and two processors.
TEST(RtdsPlan, ThreadsArePackedOnVcpusAndVcpusOnProcessors) {
  const Workload w = workload_of(
      2, {vm_of({periodic(milliseconds(10), milliseconds(6)), periodic(milliseconds(10), milliseconds(1)),
                 periodic(milliseconds(10), milliseconds(6))})});
  const Plan made = plan(w, Policy::kRtdsPartitioned);
  const VmPlan& vm = made.vms[0];
  ASSERT_EQ(vm.vcpus.size(), 2u);
  EXPECT_NE(vm.vcpu_of[0], vm.vcpu_of[2]);
  EXPECT_NE(vm.vcpus[0].processor, vm.vcpus[1].processor);
  EXPECT_FALSE(vm.refused);
}

// V3
TEST(RtdsPlan, OtherVmsHaveTheRestByWeight) {
  const Workload w = workload_of(
      2, {vm_of({busy()}, 100), vm_of({busy()}, 300), vm_of({periodic(milliseconds(10), milliseconds(5))})});
  const Plan made = plan(w, Policy::kRtdsGlobal);
  const double reserved = bandwidth(made.vms[2].vcpus[0]);
  EXPECT_NEAR(bandwidth(made.vms[0].vcpus[0]), (2 - reserved) / 4, 1e-5);
  EXPECT_NEAR(bandwidth(made.vms[1].vcpus[0]), 1, 1e-5) << "no more than a processor";
}

// V3, V4
TEST(RtdsPlan, BusyVmsShareByWeight) {
  const Workload w = workload_of(1, {vm_of({busy()}, 100), vm_of({busy()}, 300)});
  const RunResult r = run(w, Policy::kRtdsGlobal, {.duration = seconds(10)});
  EXPECT_NEAR(static_cast<double>(r.vms[0].work.ns) / 1e9, 2.5, 0.05);
  EXPECT_NEAR(static_cast<double>(r.vms[1].work.ns) / 1e9, 7.5, 0.05);
}

// V5
TEST(RtdsPlan, WhatIsRefusedIsServedAllTheSame) {
  const Workload w = workload_of(1, {vm_of({periodic(milliseconds(10), milliseconds(5), "a")}),
                                     vm_of({periodic(milliseconds(20), milliseconds(9), "b")})});
  ASSERT_EQ(plan(w, Policy::kRtdsPartitioned).refused(), 1u);
  EXPECT_EQ(run(w, Policy::kRtdsPartitioned, {.duration = seconds(2)}).realtime_misses(), 0u);
}

}  // namespace
}  // namespace candor::sim
