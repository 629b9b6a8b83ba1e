#include "sim/blocking.h"

#include <gtest/gtest.h>

#include <utility>

#include "sim/policies.h"

namespace candor::sim {
namespace {

using Kind = Step::Kind;

Step computes(Duration time) {
  return {.kind = Kind::kCompute, .time = time, .target = 0};
}
Step takes(std::uint32_t lock) {
  return {.kind = Kind::kLock, .time = {}, .target = lock};
}
Step gives(std::uint32_t lock) {
  return {.kind = Kind::kUnlock, .time = {}, .target = lock};
}

ThreadSpec claimant(std::vector<Step> steps) {
  ThreadSpec t;
  t.name = t.set = "claimant";
  t.cls = CANDOR_CLASS_DEADLINE;
  t.arrival = Arrival::kPeriodic;
  t.period = milliseconds(5);
  t.steps = std::move(steps);
  return t;
}
ThreadSpec worker(std::vector<Step> steps) {
  ThreadSpec t;
  t.name = t.set = "worker";
  t.steps = std::move(steps);
  return t;
}
VmSpec vm_with(std::vector<ThreadSpec> threads) {
  VmSpec vm;
  vm.name = "vm";
  vm.threads = std::move(threads);
  return vm;
}

TEST(Blocking, IsTheLongestSectionOfOthersOnEachLockOfAJob) {
  const auto ms = [](std::int64_t n) { return milliseconds(n); };
  ThreadSpec own = claimant({takes(0), computes(ms(9)), gives(0), takes(1), gives(1)});
  VmSpec vm = vm_with({own, worker({takes(0), computes(ms(2)), gives(0), computes(ms(7))}),
                       worker({takes(0), computes(ms(1)), computes(ms(2)), gives(0)}),
                       worker({takes(1), computes(ms(4)), gives(1)})});
  EXPECT_EQ(claimed_blocking(vm, 0), ms(3 + 4)) << "its own section is none";
  vm.threads[0].steps = {
      takes(0), gives(0), {.kind = Kind::kEnd, .time = {}, .target = 0}, takes(1), gives(1)};
  EXPECT_EQ(claimed_blocking(vm, 0), ms(4)) << "of two jobs the worse";
  vm.threads[0].blocking = ms(1);
  EXPECT_EQ(claimed_blocking(vm, 0), ms(1)) << "as is said";
  vm.threads[0].blocking = Duration{};
  EXPECT_EQ(claimed_blocking(vm, 0), Duration{});
}

TEST(Blocking, CountsWhatHoldersWaitFor) {
  const auto ms = [](std::int64_t n) { return milliseconds(n); };
  VmSpec vm = vm_with({claimant({takes(0), gives(0)}),
                       worker({takes(0), computes(ms(1)), takes(1), computes(ms(1)), gives(1), gives(0)}),
                       worker({takes(1), computes(ms(5)), gives(1)})});
  EXPECT_EQ(claimed_blocking(vm, 0), ms(1 + 5 + 1));
  // Each waits for the other: no bound, and no end of the search either.
  vm.threads[2].steps = {takes(1), takes(0), computes(ms(2)), gives(0), gives(1)};
  EXPECT_GE(claimed_blocking(vm, 0), ms(2));
}

// Three claims of which each has room, if nobody counts that the first is kept waiting.
Workload with_a_lock(Duration said) {
  ThreadSpec first = claimant({computes(microseconds(500)), takes(0), computes(microseconds(100)), gives(0)});
  first.blocking = said;
  const std::vector<Step> holds = {takes(0), computes(microseconds(900)), gives(0),
                                   computes(microseconds(10))};
  Workload w;
  w.machine.processors = 1;
  w.vms.push_back(vm_with({first, worker(holds)}));
  w.vms[0].vcpus = 1;
  w.vms[0].realtime_vcpus = 1;
  for (const Duration work : {milliseconds(3), microseconds(800)}) {
    ThreadSpec other = claimant({computes(work)});
    other.set = "other";
    w.vms.push_back(vm_with({other}));
    w.vms.back().realtime_vcpus = 1;
  }
  return w;
}

std::pair<std::uint64_t, std::uint64_t> misses_and_refusals(Duration said) {
  const RunResult result = run(with_a_lock(said), Policy::kComposite, {.duration = seconds(2)});
  std::uint64_t misses = 0, refused = 0;
  for (const SetResult& s : result.sets) {
    if (s.set == "worker") continue;
    refused += s.refused;
    if (s.refused == 0) misses += s.misses;
  }
  return {misses, refused};
}

TEST(Blocking, OnceClaimedAllThatAreAdmittedMeetTheirDeadlines) {
  const auto [misses, refused] = misses_and_refusals(Duration{-1});
  EXPECT_EQ(misses, 0u);
  EXPECT_EQ(refused, 1u) << "what does not fit beside it";
}

TEST(Blocking, HiddenItMakesItsThreadLate) {
  const auto [misses, refused] = misses_and_refusals(Duration{});
  EXPECT_EQ(refused, 0u);
  EXPECT_GT(misses, 100u);
}

}  // namespace
}  // namespace candor::sim
