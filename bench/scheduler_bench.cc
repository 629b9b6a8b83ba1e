// What one event costs the scheduler core: a job has ended, candord has read it, and decides anew.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "sched/scheduler.h"

namespace {

using namespace candor;
using sched::JobReport;
using sched::Scheduler;

constexpr Duration kPeriod = milliseconds(100);

JobReport waiting_for(Time release, std::uint64_t job) {
  return {.state = CANDOR_THREAD_WAITING,
          .release_ns = static_cast<std::uint64_t>(release.ns),
          .deadline_ns = CANDOR_NO_TIME,
          .job = job};
}

// Arguments: claims on each of so many processors. One claim to a VM. Each event ends the job of the claim
// that is first in the order, which so goes to its end.
void BM_JobEnds(benchmark::State& state) {
  const auto per_processor = static_cast<std::uint32_t>(state.range(0));
  const auto processors = static_cast<std::uint32_t>(state.range(1));
  const std::uint32_t vms = per_processor * processors;
  Scheduler scheduler(processors);
  Time now{seconds(1).ns};
  const Duration budget{kPeriod.ns * 8 / 10 / per_processor};
  for (std::uint32_t vm = 0; vm < vms; ++vm) {
    if (!scheduler.add_vm(vm, {.weight = 100,
                               .bandwidth_ppm = 850'000,
                               .max_priority = 0,
                               .fair_vcpus = 1,
                               .realtime_vcpus = 1}))
      return state.SkipWithError("a VM was not taken");
    const auto answer = scheduler.claim(vm, 0,
                                        {.cls = CANDOR_CLASS_DEADLINE,
                                         .priority = 0,
                                         .budget_ns = static_cast<std::uint64_t>(budget.ns),
                                         .period_ns = static_cast<std::uint64_t>(kPeriod.ns)},
                                        now);
    if (answer.status != CANDOR_CLAIM_ADMITTED) return state.SkipWithError("a claim was refused");
    scheduler.publish(vm, 0, waiting_for(now + microseconds(vm + 1), 1), now);
  }
  std::vector<Scheduler::ClaimId> claims;
  claims.reserve(vms);
  scheduler.claims_on(0, claims);
  std::uint64_t job = 2, changes = 0;
  std::size_t next = 0;
  const Duration step{kPeriod.ns / per_processor};
  for (auto _ : state) {
    const auto& c = claims[next];
    next = next + 1 == claims.size() ? 0 : next + 1;
    now = now + step;
    scheduler.publish(c.vm, c.thread, waiting_for(now + kPeriod, job++), now);
    scheduler.charge(c.vm, c.vcpu, Duration{static_cast<std::int64_t>(job) * 1000}, now);
    const sched::Decision decision = scheduler.decide(0, now);
    changes += decision.changes.size();
    benchmark::DoNotOptimize(decision.next);
  }
  state.counters["rank_changes"] =
      benchmark::Counter(static_cast<double>(changes), benchmark::Counter::kAvgIterations);
}
BENCHMARK(BM_JobEnds)
    ->ArgNames({"claims", "processors"})
    ->Args({2, 1})
    ->Args({8, 2})
    ->Args({16, 2})
    ->Args({16, 16})
    ->Args({32, 8});

}  // namespace

BENCHMARK_MAIN();
