// What an event costs, counted: allocations, and changes of ranks, each of which is a system call.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <new>
#include <queue>
#include <random>
#include <vector>

#include "sched/scheduler.h"

namespace {

std::size_t allocations = 0;

}  // namespace

// Of the whole test program. Not inlined: g++ takes free() beside the other's new for a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t& /*unused*/) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace candor::sched {
namespace {

ClaimRequest deadline(Duration budget, Duration period) {
  return {.cls = CANDOR_CLASS_DEADLINE,
          .budget_ns = static_cast<std::uint64_t>(budget.ns),
          .period_ns = static_cast<std::uint64_t>(period.ns)};
}

TEST(DecisionCost, NothingAllocatesOnTheWay) {
  constexpr std::uint32_t kVms = 40, kThreads = 6, kCpus = 3;
  Scheduler scheduler(kCpus, {}, {.vms = kVms, .claims = kVms * kThreads, .processors = kCpus});
  for (VmId vm = 0; vm < kVms; ++vm)
    ASSERT_TRUE(scheduler.add_vm(
        vm, {.bandwidth_ppm = 900'000, .max_priority = 50, .fair_vcpus = 1, .realtime_vcpus = 3}));
  std::vector<Scheduler::ClaimId> claims;
  claims.reserve(kVms * kThreads);
  std::mt19937 random(1);
  const auto upto = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
  Time now{seconds(1).ns};
  Duration total;
  std::size_t admitted = 0, decisions = 0, changes = 0;

  const std::size_t before = allocations;
  for (int i = 0; i < 20'000; ++i) {
    const VmId vm = upto(kVms);
    const std::uint32_t thread = upto(kThreads);
    now = now + microseconds(upto(300));
    if (upto(10) == 0) {
      ClaimRequest request = deadline(microseconds(50 + upto(300)), milliseconds(5 + upto(100)));
      if (upto(4) == 0) request.cls = CANDOR_CLASS_FIXED, request.priority = 1 + upto(50);
      const Answer answer = scheduler.claim(vm, thread, request, now);
      admitted += answer.status == CANDOR_CLAIM_ADMITTED ? 1 : 0;
    }
    if (upto(50) == 0) scheduler.release(vm, thread, now);
    scheduler.publish(vm, thread,
                      {.state = 1 + upto(3),
                       .release_ns = static_cast<std::uint64_t>(now.ns + upto(9'000'000)),
                       .job = upto(9)},
                      now);
    total += microseconds(upto(200));
    scheduler.charge(vm, 1 + upto(3), total, now);
    scheduler.charge_borrowed(vm, thread, microseconds(upto(50)), now);
    for (std::uint32_t p = 0; p < kCpus; ++p) {
      changes += scheduler.decide(p, now).changes.size();
      ++decisions;
    }
    (void)scheduler.vcpu_view(vm, 1, now);
    (void)scheduler.claim_view(vm, thread, now);
    scheduler.claims_on(upto(kCpus), claims);
  }
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_GT(admitted, 500u) << "hardly exercised";
  EXPECT_GT(changes, decisions / 20) << "hardly exercised";
}

// Periodic jobs, of periods of which the longest is 100 times the shortest, each of which ends in time:
// changes in each event.
double changes_per_event(std::uint32_t claims) {
  Scheduler scheduler(1, {}, {.vms = claims, .claims = claims, .processors = 1});
  std::mt19937 random(1);
  Time now{seconds(1).ns};
  struct Job {
    Time release;
    VmId vm;
    bool operator>(const Job& o) const { return release > o.release; }
  };
  std::priority_queue<Job, std::vector<Job>, std::greater<>> jobs;
  std::vector<Duration> periods;
  for (VmId vm = 0; vm < claims; ++vm) {
    const double ms =
        std::exp(std::uniform_real_distribution<>(0, std::log(100))(random)) * (claims + 16) / 8;
    periods.push_back(microseconds(static_cast<std::int64_t>(ms * 1'000)));
    EXPECT_TRUE(scheduler.add_vm(vm, {.bandwidth_ppm = 800'000, .realtime_vcpus = 1}));
    EXPECT_EQ(scheduler.claim(vm, 0, deadline(microseconds(10), periods[vm]), now).status,
              CANDOR_CLAIM_ADMITTED);
    jobs.push(
        {now + Duration{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(periods[vm].ns))},
         vm});
  }
  constexpr int kEvents = 20'000;
  std::size_t changes = 0;
  for (int i = 0; i < kEvents; ++i) {
    const Job job = jobs.top();
    jobs.pop();
    now = std::max(now, job.release + microseconds(10));
    const Time next = job.release + periods[job.vm];
    scheduler.publish(job.vm, 0,
                      {.state = CANDOR_THREAD_WAITING,
                       .release_ns = static_cast<std::uint64_t>(next.ns),
                       .job = static_cast<std::uint64_t>(i)},
                      now);
    changes += scheduler.decide(0, now).changes.size();
    jobs.push({next, job.vm});
  }
  return static_cast<double>(changes) / kEvents;
}

TEST(DecisionCost, AnEventChangesFewRanks) {
  EXPECT_LT(changes_per_event(2), 0.1);
  EXPECT_LT(changes_per_event(8), 1.0);
  EXPECT_LT(changes_per_event(16), 1.5);
  EXPECT_LT(changes_per_event(32), 3.0);
  EXPECT_LT(changes_per_event(200), 2.5) << "more than levels";
}

}  // namespace
}  // namespace candor::sched
