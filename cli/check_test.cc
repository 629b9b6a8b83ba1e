#include "cli/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>

namespace candor::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

HostFacts good_host() {
  HostFacts facts;
  facts.kernel_release = "6.1.0-18-amd64";
  facts.kernel_version = "#1 SMP PREEMPT_DYNAMIC Debian";
  facts.cap_sys_nice = true;
  facts.kvm = {.reached = KvmFacts::Step::kDone, .error = 0, .ns_per_turn = 0.4};
  facts.rt_runtime_us = 950000;
  facts.rt_period_us = 1000000;
  facts.preempt = "full";
  facts.online = facts.allowed = {0, 1};
  facts.clocksource = "tsc";
  facts.mmap_min_addr = 65536;
  facts.job_overhead = microseconds(35);
  facts.fsgsbase = true;
  return facts;
}

CheckLine line(const HostFacts& facts, const std::string& name) {
  const CheckReport report = judge(facts);
  const auto found = std::find_if(report.lines.begin(), report.lines.end(),
                                  [&](const CheckLine& l) { return l.name == name; });
  EXPECT_NE(found, report.lines.end()) << name;
  return *found;
}

TEST(Check, DeadlineServersThatMayOnlyFloatAreAWarning) {
  HostFacts facts = good_host();
  facts.deadline_error = EPERM;
  EXPECT_EQ(line(facts, "static-dl").verdict, Verdict::kWarn);
  facts.floating_deadline_error = EPERM;
  EXPECT_EQ(line(facts, "static-dl").verdict, Verdict::kNo);
}

TEST(Check, AGoodHostIsGoodThroughout) {
  const CheckReport report = judge(good_host());
  for (const CheckLine& l : report.lines) EXPECT_EQ(l.verdict, Verdict::kOk) << l.name << ": " << l.fact;
  EXPECT_TRUE(report.ranks);
  EXPECT_EQ(report.exit_status(), 0);
}

TEST(Check, WhatAJobCostsIsSaidOrWhyItIsNotKnown) {
  HostFacts facts = good_host();
  EXPECT_THAT(line(facts, "job cost").fact, testing::HasSubstr("35us"));
  facts.job_overhead.reset();
  EXPECT_EQ(line(facts, "job cost").verdict, Verdict::kWarn);
  EXPECT_THAT(line(facts, "job cost").fact, testing::HasSubstr("real-time ranks"));
  facts.job_overhead_error = ETIME;
  EXPECT_THAT(line(facts, "job cost").fact, testing::HasSubstr("ETIME"));
  EXPECT_THAT(line(facts, "job cost").consequence, testing::HasSubstr("30us"));
}

TEST(Check, AKernelWithoutSlicesIsAWarning) {
  HostFacts facts = good_host();
  facts.slice_error = EOPNOTSUPP;
  EXPECT_EQ(line(facts, "slices").verdict, Verdict::kWarn);
  EXPECT_THAT(line(facts, "slices").consequence, HasSubstr("6.12"));
  EXPECT_EQ(judge(facts).exit_status(), 0);
}

TEST(Check, WithoutRanksVmsStillRun) {
  HostFacts facts = good_host();
  facts.fifo_error = EPERM;
  facts.cap_sys_nice = false;
  const CheckReport report = judge(facts);
  EXPECT_FALSE(report.ranks);
  EXPECT_EQ(report.exit_status(), 0);
  EXPECT_THAT(line(facts, "ranks").fact, HasSubstr("EPERM"));
  EXPECT_THAT(line(facts, "ranks").consequence, HasSubstr("CAP_SYS_NICE"));
}

TEST(Check, RefusedRanksInSpiteOfThePrivilegePointToTheCgroup) {
  HostFacts facts = good_host();
  facts.fifo_error = EPERM;
  facts.rt_group_runtime_us = 0;
  EXPECT_THAT(line(facts, "ranks").consequence, HasSubstr("cpu.rt_runtime_us"));
  EXPECT_EQ(line(facts, "rt-group").verdict, Verdict::kWarn);
}

TEST(Check, WhatConfinesGuestsIsIndispensable) {
  for (int HostFacts::*error : {&HostFacts::seccomp_error, &HostFacts::pid_namespace_error}) {
    HostFacts facts = good_host();
    facts.*error = EPERM;
    EXPECT_EQ(judge(facts).exit_status(), 3);
    EXPECT_FALSE(judge(facts).ranks);
  }
  HostFacts facts = good_host();
  facts.mmap_min_addr = 0x200000;
  EXPECT_EQ(judge(facts).exit_status(), 3);
}

TEST(Check, KvmThatEmulatesIsNotUsable) {
  HostFacts facts = good_host();
  facts.kvm.ns_per_turn = 20;
  EXPECT_FALSE(judge(facts).kvm_usable);
  EXPECT_THAT(line(facts, "kvm").fact, HasSubstr("emulated"));
  facts.kvm.ns_per_turn = 19.9;
  EXPECT_TRUE(judge(facts).kvm_usable);
  facts.kvm = {.reached = KvmFacts::Step::kOpen, .error = ENOENT, .ns_per_turn = 0};
  EXPECT_THAT(line(facts, "kvm").fact, HasSubstr("cannot open: ENOENT"));
  facts.kvm = {.reached = KvmFacts::Step::kRun, .error = ETIMEDOUT, .ns_per_turn = 0};
  EXPECT_THAT(line(facts, "kvm").fact, HasSubstr("cannot run a guest: ETIMEDOUT"));
}

TEST(Check, TheFairServerReplacesTheThrottleFromKernel612) {
  HostFacts facts = good_host();
  EXPECT_THAT(line(facts, "throttle").fact, HasSubstr("950 of 1000 ms"));
  for (const char* release : {"6.12.1", "6.18.44-cloud", "7.0.0"}) {
    facts.kernel_release = release;
    EXPECT_THAT(line(facts, "throttle").fact, HasSubstr("fair server")) << release;
  }
  for (const char* release : {"6.2.0", "5.19.0", "6", ""}) {
    facts.kernel_release = release;
    EXPECT_THAT(line(facts, "throttle").fact, HasSubstr("950 of 1000 ms")) << release;
  }
  facts.fair_server_runtime_ns = 50'000'000;
  facts.fair_server_period_ns = 1'000'000'000;
  EXPECT_THAT(line(facts, "throttle").fact, HasSubstr("fair server 50 of 1000 ms"));
}

TEST(Check, PreemptionIsReadOrGuessed) {
  HostFacts facts = good_host();
  facts.preempt = "none";
  EXPECT_EQ(line(facts, "preemption").verdict, Verdict::kWarn);
  facts.preempt = "";
  EXPECT_THAT(line(facts, "preemption").fact, HasSubstr("dynamic"));
  facts.kernel_version = "#1 SMP PREEMPT_RT";
  EXPECT_THAT(line(facts, "preemption").fact, HasSubstr("rt"));
}

TEST(Check, PrintsALineForEachFact) {
  EXPECT_THAT(to_text(judge(good_host())), HasSubstr("ok    clock: clocksource tsc -> guests read the time"));
  const auto json = nlohmann::json::parse(to_json(judge(good_host())));
  EXPECT_EQ(json["ranks"], true);
  EXPECT_EQ(json["lines"].size(), judge(good_host()).lines.size());
  EXPECT_EQ(json["lines"][0]["verdict"], "ok");
}

// A directory that stands for "/".
class CheckFiles : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "candor_check_" + std::to_string(getpid());
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text << '\n';
  }
  std::filesystem::path root_;
};

TEST_F(CheckFiles, AreRead) {
  put("proc/self/status", "Name:\tx\nCapEff:\t0000000000800000\nSeccomp:\t0");
  put("proc/sys/kernel/sched_rt_runtime_us", "-1");
  put("sys/kernel/debug/sched/preempt", "none voluntary (full) lazy");
  put("proc/self/cgroup", "4:memory:/\n3:cpu,cpuacct:/a/b\n0::/");
  put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.rt_runtime_us", "0");
  put("sys/devices/system/cpu/isolated", "2-3");
  const HostFacts facts = read_host_files(root_);
  EXPECT_TRUE(facts.cap_sys_nice);
  EXPECT_EQ(facts.rt_runtime_us, -1);
  EXPECT_EQ(facts.preempt, "full");
  EXPECT_EQ(facts.rt_group_runtime_us, 0);
  EXPECT_THAT(facts.isolated, ElementsAre(2, 3));
}

TEST_F(CheckFiles, MayAllBeMissing) {
  const HostFacts facts = read_host_files(root_);
  EXPECT_FALSE(facts.cap_sys_nice);
  EXPECT_FALSE(facts.rt_runtime_us.has_value());
  EXPECT_FALSE(facts.rt_group_runtime_us.has_value());
  EXPECT_EQ(facts.preempt, "");
}

TEST(Probe, AChildThatHangsOrDiesIsNoAnswer) {
  EXPECT_EQ(ask_child([] { return 42; }, seconds(10)), 42);
  EXPECT_EQ(ask_child([]() -> std::int64_t { _exit(0); }, seconds(10)), std::nullopt);
  EXPECT_EQ(ask_child([]() -> std::int64_t { return pause(); }, milliseconds(20)), std::nullopt);
}

TEST(Probe, ThisHostIsJudgedWithoutLeavingATrace) {
  const int policy = sched_getscheduler(0);
  const CheckReport report = judge(gather_host_facts());
  EXPECT_GE(report.lines.size(), 14U);
  EXPECT_EQ(sched_getscheduler(0), policy);
  std::cout << to_text(report);
}

}  // namespace
}  // namespace candor::cli
