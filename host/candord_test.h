// What tests of candord with real processes share.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <vector>

#include "host/fake_vm_test.h"
#include "host/scheduler_client.h"

namespace candor::host {

/// The only processor that may run a thread; -1: there are several.
inline int only_processor(pid_t tid) {
  cpu_set_t set;
  if (sched_getaffinity(tid, sizeof set, &set) != 0 || CPU_COUNT(&set) != 1) return -1;
  int processor = 0;
  while (!CPU_ISSET(static_cast<unsigned>(processor), &set)) ++processor;
  return processor;
}

/// Host numbers.
inline std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(getppid(), sizeof set, &set);
  std::vector<int> all;
  for (int p = 0; p < CPU_SETSIZE; ++p)
    if (CPU_ISSET(static_cast<unsigned>(p), &set)) all.push_back(p);
  return all;
}

inline AddVm vm_terms(std::uint32_t number, const char* name, std::uint32_t bandwidth_ppm = 400'000) {
  AddVm vm;
  vm.vm = number;
  vm.bandwidth_ppm = bandwidth_ppm;
  vm.max_priority = 50;
  vm.fair_vcpus = 1;
  vm.realtime_vcpus = 1;
  vm.period_ns = 10'000'000;
  std::strncpy(vm.name, name, sizeof vm.name - 1);
  return vm;
}

// What a job costs is said, so that answers do not depend on the machine.
inline const AdmissionTerms kTerms{.job_overhead = microseconds(30)};

class Candord : public testing::Test {
 protected:
  void SetUp() override {
    const std::vector<int> all = allowed_processors();
    cpu_ = all.back();
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int p : all) CPU_SET(static_cast<unsigned>(p), &set);
    sched_setaffinity(0, sizeof set, &set);
  }

  // Starts candord, then keeps the test itself off its processor.
  void start(Policy policy = Policy::kAware, bool needs_ranks = true, bool slices = true) {
    auto client = SchedulerClient::spawn(
        {.policy = policy, .processors = {cpu_}, .admission = kTerms, .slices = slices});
    ASSERT_TRUE(client.ok()) << client.error();
    client_.emplace(std::move(*client));
    if (needs_ranks && !client_->ranks())
      GTEST_SKIP() << "needs ranks: " << std::strerror(client_->rank_error());
    const std::vector<int> all = allowed_processors();
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(all.front()), &set);
    sched_setaffinity(0, sizeof set, &set);
  }

  FakeVm::Options options(std::uint32_t number, const char* name,
                          std::uint32_t bandwidth_ppm = 400'000) const {
    FakeVm::Options o;
    o.terms = vm_terms(number, name, bandwidth_ppm);
    o.cpu = cpu_;
    return o;
  }

  /// Starts candord on two processors, of which cpu_ is the second. The test stays where it may.
  void start_on_two() {
    const std::vector<int> all = allowed_processors();
    if (all.size() < 2) GTEST_SKIP() << "needs processors: two";
    auto client = SchedulerClient::spawn({.processors = {all.front(), all.back()}, .admission = kTerms});
    ASSERT_TRUE(client.ok()) << client.error();
    client_.emplace(std::move(*client));
    if (!client_->ranks()) GTEST_SKIP() << "needs ranks: " << std::strerror(client_->rank_error());
  }

  SchedulerClient& client() { return *client_; }
  int cpu_ = 0;
  std::optional<SchedulerClient> client_;
};

#define START(...)    \
  start(__VA_ARGS__); \
  if (IsSkipped() || HasFatalFailure()) return

}  // namespace candor::host
