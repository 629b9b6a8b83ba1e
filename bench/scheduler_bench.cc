// What one event costs the scheduler core: a job has ended, candord has read it, and decides anew.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <vector>

#include "sched/scheduler.h"

namespace {

using namespace candor;
using sched::Scheduler;

constexpr Duration kBudget = microseconds(20);
constexpr Time kStart{seconds(1).ns};

// A job ends, right after its release; its thread waits for the next one.
struct Event {
  Time at;
  std::uint32_t claim;
  Time next_release;
  bool operator>(const Event& o) const { return at > o.at; }
};

// One claim to each vCPU, of periods from one to ten times the shortest that as many claims permit on a
// processor, spread log-uniformly. Deadlines are at the ends of periods.
class Load {
 public:
  Load(std::uint32_t claims, std::uint32_t processors)
      : scheduler(processors, {}, {.vms = claims, .claims = claims, .processors = processors}) {
    const std::int64_t on_each = (claims + processors - 1) / processors;
    const double shortest = static_cast<double>(std::max(milliseconds(10).ns, on_each * milliseconds(1).ns));
    std::mt19937 random(1);
    std::uniform_real_distribution<> exponent(0, std::log(10));
    for (std::uint32_t c = 0; c < claims; ++c) {
      const Duration period{static_cast<std::int64_t>(shortest * std::exp(exponent(random)))};
      admitted = admitted && scheduler.add_vm(c, {.bandwidth_ppm = 850'000, .realtime_vcpus = 1});
      const auto answer = scheduler.claim(c, 0,
                                          {.cls = CANDOR_CLASS_DEADLINE,
                                           .budget_ns = static_cast<std::uint64_t>(kBudget.ns),
                                           .period_ns = static_cast<std::uint64_t>(period.ns)},
                                          kStart);
      admitted = admitted && answer.status == CANDOR_CLAIM_ADMITTED;
      if (!admitted) return;
      processor.push_back(answer.processor);
      periods.push_back(period);
      first_release.push_back(
          kStart + Duration{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(period.ns))});
    }
  }

  // So many events in the sequence of their times.
  std::vector<Event> events(std::size_t count) const {
    std::priority_queue<Event, std::vector<Event>, std::greater<>> due;
    const auto end_of = [&](std::uint32_t c, Time release) {
      return Event{.at = release + kBudget, .claim = c, .next_release = release + periods[c]};
    };
    for (std::uint32_t c = 0; c < periods.size(); ++c) due.push(end_of(c, first_release[c]));
    std::vector<Event> all;
    while (all.size() < count) {
      all.push_back(due.top());
      due.pop();
      due.push(end_of(all.back().claim, all.back().next_release));
    }
    return all;
  }

  Scheduler scheduler;
  bool admitted = true;
  std::vector<std::uint32_t> processor;
  std::vector<Duration> periods;
  std::vector<Time> first_release;
};

// Arguments: claims in all, processors.
void BM_JobEnds(benchmark::State& state) {
  const auto claims = static_cast<std::uint32_t>(state.range(0));
  Load load(claims, static_cast<std::uint32_t>(state.range(1)));
  if (!load.admitted) return state.SkipWithError("a claim was refused");
  // A sequence that each claim is in at least twice; when it is over, it begins again, later by its length.
  const std::vector<Event> events = load.events(std::max<std::size_t>(1 << 14, claims * std::size_t{16}));
  const Duration length = events.back().at - kStart;
  Duration later;
  std::vector<Duration> ran(claims);
  std::uint64_t job = 1, changes = 0;
  auto next = events.begin();
  const auto end_job = [&] {
    const Event& event = *next;
    const Time now = event.at + later;
    ran[event.claim] += kBudget;
    load.scheduler.publish(event.claim, 0,
                           {.state = CANDOR_THREAD_WAITING,
                            .release_ns = static_cast<std::uint64_t>((event.next_release + later).ns),
                            .job = job++},
                           now);
    load.scheduler.charge(event.claim, 1, ran[event.claim], now);
    if (++next == events.end()) {
      next = events.begin();
      later += length;
    }
    return load.scheduler.decide(load.processor[event.claim], now);
  };
  for (std::uint32_t i = 0; i < 4 * claims; ++i)
    (void)end_job();  // memory is there, and the order as it goes on
  for (auto _ : state) {
    const sched::Decision decision = end_job();
    changes += decision.changes.size();
    benchmark::DoNotOptimize(decision.next);
  }
  state.counters["rank_changes"] =
      benchmark::Counter(static_cast<double>(changes), benchmark::Counter::kAvgIterations);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"claims", "processors"});
  b->Args({16, 2});  // the first limit
  b->Args({32, 2});
  for (const int claims : {2, 4, 8, 16, 32, 64, 128, 256, 512, 1'000, 2'000}) b->Args({claims, 1});
  for (const int claims : {64, 128, 256, 512, 1'000, 2'000, 5'000, 10'000}) b->Args({claims, 64});
}
BENCHMARK(BM_JobEnds)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
