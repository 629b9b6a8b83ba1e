#include "sim/machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <set>
#include <string>

#include "sim/linux/linux_host.h"
#include "sim/policies.h"
#include "sim/random.h"

namespace candor::sim {
namespace {

ThreadSpec periodic(const std::string& name, Duration period, Duration work) {
  ThreadSpec t;
  t.name = name;
  t.cls = CANDOR_CLASS_DEADLINE;
  t.arrival = Arrival::kPeriodic;
  t.period = period;
  t.work = work;
  t.offset = Duration{};
  return t;
}

ThreadSpec busy(const std::string& name) {
  ThreadSpec t;
  t.name = name;
  return t;
}

VmSpec vm_of(const std::string& name, std::vector<ThreadSpec> threads, std::uint32_t weight = 100) {
  VmSpec vm;
  vm.name = name;
  vm.weight = weight;
  vm.threads = std::move(threads);
  return vm;
}

Workload on(std::uint32_t processors, std::vector<VmSpec> vms, bool free_of_cost = true) {
  Workload w;
  w.machine.processors = processors;
  if (free_of_cost) w.machine.costs = {{}, {}, {}, {}, {}};
  w.vms = std::move(vms);
  return w;
}

const SetResult& set(const RunResult& r, const std::string& name) {
  for (const SetResult& s : r.sets)
    if (s.set == name) return s;
  ADD_FAILURE() << "no set " << name;
  return r.sets.front();
}

double share(const RunResult& r, std::size_t vm) {
  return static_cast<double>(r.vms[vm].work.ns) / static_cast<double>(r.duration.ns);
}

// A picture of everything that a run found.
std::string digest(const RunResult& r) {
  std::string text;
  for (const SetResult& s : r.sets) {
    text += s.set + " ";
    for (const std::int64_t n :
         {static_cast<std::int64_t>(s.jobs), static_cast<std::int64_t>(s.misses),
          static_cast<std::int64_t>(s.refused), s.work.ns, s.longest_gap.ns, s.response.max().ns,
          s.response.quantile(0.9).ns, s.wakeup.quantile(0.5).ns, s.wakeup.max().ns})
      text += std::to_string(n) + " ";
  }
  return text + std::to_string(r.events) + " " + std::to_string(r.switches) + " " + std::to_string(r.idle.ns);
}

TEST(Machine, APeriodicThreadAloneMeetsEveryDeadline) {
  const Workload w = on(1, {vm_of("a", {periodic("loop", milliseconds(5), milliseconds(2))})});
  for (const Policy policy : {Policy::kComposite, Policy::kFair, Policy::kStaticFifo}) {
    const RunResult r = run(w, policy, {.duration = seconds(1)});
    EXPECT_EQ(set(r, "loop").jobs, 200u) << to_string(policy);
    EXPECT_EQ(set(r, "loop").misses, 0u);
    EXPECT_EQ(set(r, "loop").work, milliseconds(400));
    EXPECT_EQ(set(r, "loop").response.max(), milliseconds(2));
    EXPECT_EQ(set(r, "loop").wakeup.max(), Duration{});
    EXPECT_EQ(r.idle, milliseconds(600));
  }
}

TEST(Machine, OverheadComesBeforeTheFirstInstruction) {
  const Workload w = on(1, {vm_of("a", {periodic("loop", milliseconds(5), milliseconds(2))})}, false);
  const RunResult r = run(w, Policy::kFair, {.duration = seconds(1)});
  EXPECT_EQ(set(r, "loop").wakeup.max(), w.machine.costs.context_switch + w.machine.costs.wake_up);
  EXPECT_EQ(r.overhead, (w.machine.costs.context_switch + w.machine.costs.wake_up) * 200);
}

// A hypervisor below: who ran is charged and has done nothing, and meanwhile nothing happens there.
TEST(Machine, StolenTimeIsChargedToWhatRan) {
  Workload w =
      on(1, {vm_of("a", {busy("a")}), vm_of("b", {periodic("loop", milliseconds(10), milliseconds(1))})});
  w.machine.stolen = milliseconds(5);
  w.machine.stolen_every = milliseconds(200);
  const RunResult r = run(w, Policy::kStaticFifo, {.duration = seconds(20)});
  const double stolen = static_cast<double>(r.overhead.ns) / static_cast<double>(r.duration.ns);
  EXPECT_NEAR(stolen, 0.025, 0.008);
  EXPECT_EQ(r.idle, Duration{});
  EXPECT_NEAR(share(r, 0) + share(r, 1), 1 - stolen, 0.0005);
  EXPECT_GE(set(r, "loop").wakeup.max(), milliseconds(4)) << "released while the processor was away";
  EXPECT_LE(set(r, "loop").wakeup.max(), milliseconds(15));
  EXPECT_EQ(digest(r), digest(run(w, Policy::kStaticFifo, {.duration = seconds(20)})));
}

TEST(Machine, WhoComputesAllTheTimeSharesByWeight) {
  const Workload w = on(1, {vm_of("a", {busy("a")}, 100), vm_of("b", {busy("b")}, 300)});
  const RunResult r = run(w, Policy::kFair, {.duration = seconds(10)});
  EXPECT_NEAR(share(r, 0), 0.25, 0.001);
  EXPECT_NEAR(share(r, 1), 0.75, 0.001);
}

TEST(Machine, RealTimeWorkOfOneGuestWaitsForNoFairWorkOfAnother) {
  std::vector<VmSpec> vms = {vm_of("a", {periodic("loop", milliseconds(5), milliseconds(1)), busy("own")})};
  for (int i = 0; i < 4; ++i) vms.push_back(vm_of("b", {busy("batch")}));
  const Workload w = on(1, std::move(vms));
  const RunResult fair = run(w, Policy::kFair, {.duration = seconds(2)});
  EXPECT_GT(set(fair, "loop").misses, 200u) << "the two-layer problem";
  const RunResult composite = run(w, Policy::kComposite, {.duration = seconds(2)});
  EXPECT_EQ(set(composite, "loop").misses, 0u);
  EXPECT_EQ(set(composite, "loop").wakeup.max(), Duration{});
  EXPECT_NEAR(share(composite, 1), 0.16, 0.005) << "the rest is shared by weight";
}

// Under SCHED_FIFO a guest's own fair work starves the others, but for what the kernel defends.
TEST(Machine, StaticFifoLeavesTheOthersTheFairServersShare) {
  const Workload w = on(1, {vm_of("a", {periodic("loop", milliseconds(5), milliseconds(1)), busy("own")}),
                            vm_of("b", {busy("batch")})});
  const RunResult r = run(w, Policy::kStaticFifo, {.duration = seconds(10)});
  EXPECT_NEAR(share(r, 1), 0.05, 0.005);
  EXPECT_GT(set(r, "loop").misses, 0u) << "while it does";
}

TEST(Machine, TheOrderOfDeadlinesHoldsAcrossGuests) {
  const Workload w = on(1,
                        {vm_of("a", {periodic("fast", milliseconds(5), microseconds(2'050))}),
                         vm_of("b", {periodic("slow", milliseconds(7), microseconds(2'950))})},
                        false);
  const RunResult fifo = run(w, Policy::kStaticFifo, {.duration = seconds(3)});
  EXPECT_GT(set(fifo, "slow").misses, 50u) << "rate-monotonic order misses what the other does not";
  const RunResult composite = run(w, Policy::kComposite, {.duration = seconds(3)});
  EXPECT_EQ(set(composite, "fast").misses + set(composite, "slow").misses, 0u);
}

TEST(Machine, AMutexIsPassedOnAndItsOwnerInherits) {
  const auto locker = [](const std::string& name, Duration before, Duration inside) {
    ThreadSpec t = busy(name);
    t.steps = {{.kind = Step::Kind::kCompute, .time = before},
               {.kind = Step::Kind::kLock},
               {.kind = Step::Kind::kCompute, .time = inside},
               {.kind = Step::Kind::kUnlock}};
    return t;
  };
  ThreadSpec urgent = periodic("urgent", milliseconds(10), {});
  urgent.budget = milliseconds(3);
  urgent.steps = locker("", microseconds(100), microseconds(100)).steps;
  const Workload w = on(1, {vm_of("a", {urgent, locker("helper", microseconds(100), milliseconds(1))}),
                            vm_of("b", {busy("batch")}), vm_of("c", {busy("batch")})});
  const RunResult r = run(w, Policy::kComposite, {.duration = seconds(2)});
  EXPECT_EQ(set(r, "urgent").misses, 0u);
  EXPECT_LE(set(r, "urgent").response.max(), microseconds(1'200))
      << "one critical section, and none of others' work";
  EXPECT_GT(set(r, "helper").jobs, 100u);
}

TEST(Machine, AWakeUpIsNeverLost) {
  ThreadSpec ping = busy("ping"), pong = busy("pong");
  const auto steps = [](std::uint32_t other) {
    return std::vector<Step>{{.kind = Step::Kind::kWait},
                             {.kind = Step::Kind::kCompute, .time = microseconds(10)},
                             {.kind = Step::Kind::kWake, .target = other}};
  };
  ping.steps = steps(1);
  std::rotate(ping.steps.begin(), ping.steps.begin() + 1, ping.steps.end());  // it begins
  pong.steps = steps(0);
  VmSpec vm = vm_of("a", {ping, pong});
  vm.vcpus = 2;
  const RunResult r = run(on(2, {vm}), Policy::kFair, {.duration = seconds(1)});
  EXPECT_EQ(set(r, "ping").jobs + set(r, "pong").jobs, 99'998u)
      << "10 us each, and the one at the end is not done";
}

TEST(Machine, ATraceIsFollowedAndThenEnds) {
  ThreadSpec t = periodic("traced", milliseconds(10), Duration{});
  t.arrival = Arrival::kTrace;
  t.budget = milliseconds(5);
  t.trace = std::make_shared<const std::vector<TraceJob>>(
      std::vector<TraceJob>{{milliseconds(5), milliseconds(2)},
                            {milliseconds(5), milliseconds(1)},
                            {milliseconds(400), milliseconds(4)}});
  const Workload w = on(1, {vm_of("a", {t})});
  for (const Policy policy : kPolicies) {
    const RunResult r = run(w, policy, {.duration = seconds(1)});
    EXPECT_EQ(set(r, "traced").jobs, 3u) << to_string(policy);
    EXPECT_EQ(set(r, "traced").misses, 0u) << to_string(policy);
    EXPECT_EQ(set(r, "traced").work, milliseconds(7)) << to_string(policy);
    EXPECT_EQ(set(r, "traced").response.max(), milliseconds(4)) << to_string(policy);
  }
}

// Every other job takes longer than the period.
TEST(Machine, ALateJobOfARelativeTimerMovesTheNextOnes) {
  ThreadSpec t = periodic("timer", milliseconds(10), Duration{});
  t.cls = CANDOR_CLASS_FAIR;
  t.arrival = Arrival::kRelative;
  t.steps = {{.kind = Step::Kind::kCompute, .time = milliseconds(15)},
             {.kind = Step::Kind::kEnd},
             {.kind = Step::Kind::kCompute, .time = milliseconds(1)}};
  // Released at 0 and 15 (late), then at 25, 40 (late), 50, ...: two jobs in 25 ms.
  const RunResult relative = run(on(1, {vm_of("a", {t})}), Policy::kFair, {.duration = milliseconds(1000)});
  EXPECT_EQ(set(relative, "timer").jobs, 80u);
  EXPECT_EQ(set(relative, "timer").misses, 40u);
  EXPECT_EQ(set(relative, "timer").response.max(), milliseconds(15));
  EXPECT_EQ(set(relative, "timer").wakeup.max(), Duration{});
  t.arrival = Arrival::kPeriodic;  // at 0, 10 (begun late), 20, 30 (begun late), ...
  const RunResult absolute = run(on(1, {vm_of("a", {t})}), Policy::kFair, {.duration = milliseconds(1000)});
  EXPECT_EQ(set(absolute, "timer").jobs, 100u);
  EXPECT_EQ(set(absolute, "timer").wakeup.max(), milliseconds(5));
}

TEST(Machine, AStepThatSleepsLeavesTheProcessorToOthers) {
  ThreadSpec t = busy("sleeper");
  t.steps = {{.kind = Step::Kind::kCompute, .time = milliseconds(1)},
             {.kind = Step::Kind::kSleep, .time = milliseconds(4)}};
  ThreadSpec other = busy("other");
  other.cls = CANDOR_CLASS_BACKGROUND;
  const RunResult r = run(on(1, {vm_of("a", {t, other})}), Policy::kFair, {.duration = milliseconds(999)});
  EXPECT_EQ(set(r, "sleeper").jobs, 199u);
  EXPECT_EQ(set(r, "sleeper").work, milliseconds(200));
  EXPECT_EQ(set(r, "other").work, milliseconds(799));
  // Within a job too, whose release and deadline stay.
  t = periodic("sleeper", milliseconds(10), Duration{});
  t.budget = milliseconds(3);
  t.steps = {{.kind = Step::Kind::kCompute, .time = milliseconds(1)},
             {.kind = Step::Kind::kSleep, .time = milliseconds(4)},
             {.kind = Step::Kind::kCompute, .time = milliseconds(1)}};
  const RunResult jobs = run(on(1, {vm_of("a", {t})}), Policy::kFair, {.duration = milliseconds(999)});
  EXPECT_EQ(set(jobs, "sleeper").jobs, 100u);
  EXPECT_EQ(set(jobs, "sleeper").response.max(), milliseconds(6));
}

// What max-min fairness gives hungry VMs of these weights and numbers of vCPUs, of `whole` processors.
std::vector<double> ideal_shares(const std::vector<VmSpec>& vms, double whole, double most) {
  std::vector<double> share(vms.size(), -1);
  for (;;) {
    double left = whole, weights = 0;
    for (std::size_t i = 0; i < vms.size(); ++i)
      (share[i] >= 0 ? left : weights) += share[i] >= 0 ? -share[i] : vms[i].weight;
    bool capped = false;
    for (std::size_t i = 0; i < vms.size(); ++i) {
      if (share[i] >= 0 || left * vms[i].weight / weights < most * vms[i].vcpus) continue;
      share[i] = most * vms[i].vcpus;
      capped = true;
    }
    if (capped) continue;
    for (std::size_t i = 0; i < vms.size(); ++i)
      if (share[i] < 0) share[i] = left * vms[i].weight / weights;
    return share;
  }
}

// Whatever weights, vCPUs and processors there are, and real-time work on some of them.
TEST(Machine, FairSharesOfTheCompositeFollowWeights) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random = Random(seed).stream("shares");
    std::vector<VmSpec> vms;
    const auto processors = static_cast<std::uint32_t>(random.uniform(1, 4));
    const auto count = random.uniform(2, 7);
    // Real-time work on every processor or on none, so that all have the same room.
    const bool loops = count >= processors && random.below(2) == 0;
    for (int i = 0; i < count; ++i) {
      std::vector<ThreadSpec> threads;
      const auto vcpus = static_cast<std::uint32_t>(random.uniform(1, processors));
      for (std::uint32_t v = 0; v < vcpus; ++v) threads.push_back(busy("busy" + std::to_string(i)));
      if (loops && i < static_cast<int>(processors))
        threads.push_back(periodic("loop" + std::to_string(i), milliseconds(10), milliseconds(2)));
      vms.push_back(
          vm_of("vm" + std::to_string(i), threads, static_cast<std::uint32_t>(random.uniform(30, 300))));
      vms.back().vcpus = vcpus;
    }
    const Workload w = on(processors, vms);
    const RunResult r = run(w, Policy::kComposite, {.duration = seconds(10)});
    double whole = 0;
    for (int i = 0; i < count; ++i)
      whole += static_cast<double>(set(r, "busy" + std::to_string(i)).work.ns) / 1e10;
    const std::vector<double> ideal = ideal_shares(vms, whole, loops ? 0.8 : 1.0);
    for (std::size_t i = 0; i < vms.size(); ++i) {
      const double got = static_cast<double>(set(r, "busy" + std::to_string(i)).work.ns) / 1e10;
      EXPECT_NEAR(got, ideal[i], std::max(0.01 * ideal[i], 0.003)) << i << " of weight " << vms[i].weight;
    }
    EXPECT_EQ(r.realtime_misses(), 0u);
  }
}

// ------------------------------------------------------------- whatever happens

template <typename T>
T one_of(Random& random, std::initializer_list<T> values) {
  return *(values.begin() + random.below(values.size()));
}

// `files`: also what only files can say, traces and rt-app's timers and sleeps.
VmSpec random_vm(Random& random, int index, bool files) {
  VmSpec vm;
  vm.name = "vm" + std::to_string(index);
  vm.weight = static_cast<std::uint32_t>(random.uniform(20, 400));
  vm.vcpus = static_cast<std::uint32_t>(random.uniform(1, 3));
  const auto threads = random.uniform(1, 6);
  for (std::int64_t i = 0; i < threads; ++i) {
    ThreadSpec t = busy(vm.name + "." + std::to_string(i));
    if (random.below(3) != 0) {
      t.cls = one_of(random,
                     {CANDOR_CLASS_DEADLINE, CANDOR_CLASS_FIXED, CANDOR_CLASS_FAIR, CANDOR_CLASS_BACKGROUND});
      t.priority = static_cast<std::uint32_t>(random.uniform(1, 99));
      t.arrival = one_of(random, {Arrival::kPeriodic, Arrival::kSporadic, Arrival::kBursty});
      if (files && random.below(2) == 0) t.arrival = one_of(random, {Arrival::kRelative, Arrival::kTrace});
      t.period = random.log_uniform(milliseconds(1), milliseconds(50));
      t.spread = Duration{t.period.ns / 4};
      t.burst = static_cast<std::uint32_t>(random.uniform(1, 3));
      t.work = Duration{t.period.ns / random.uniform(4, 40)};
      t.shortest = 0.3;
      t.offset = Duration{-1};
      if (random.below(8) == 0)
        t.lie = one_of(random, {Lie::kUrgent, Lie::kFlapping, Lie::kImpossible, Lie::kOverrun});
      if (t.arrival == Arrival::kTrace) {
        std::vector<TraceJob> jobs;
        Duration release;
        for (std::int64_t job = random.uniform(1, 50); job > 0; --job) {
          release += t.period * random.uniform(0, 2);
          jobs.push_back({release, t.work});
        }
        t.trace = std::make_shared<const std::vector<TraceJob>>(std::move(jobs));
      }
    }
    if (t.arrival != Arrival::kTrace && random.below(3) == 0) {
      const auto lock = static_cast<std::uint32_t>(random.below(2));
      const auto other = static_cast<std::uint32_t>(random.below(static_cast<std::uint64_t>(threads)));
      t.budget = t.work;
      t.steps = {{.kind = Step::Kind::kCompute, .time = microseconds(random.uniform(1, 300))},
                 {.kind = Step::Kind::kLock, .target = lock},
                 {.kind = Step::Kind::kCompute, .time = microseconds(random.uniform(1, 200))},
                 {.kind = Step::Kind::kUnlock, .target = lock},
                 {.kind = Step::Kind::kWake, .target = other}};
      if (random.below(4) == 0) t.steps.push_back({.kind = Step::Kind::kWait});
      if (files && random.below(3) == 0)
        t.steps.push_back({.kind = Step::Kind::kSleep, .time = microseconds(random.uniform(1, 5000))});
      if (files && random.below(3) == 0 && t.arrival != Arrival::kAlways) {
        t.steps.push_back({.kind = Step::Kind::kEnd});
        t.steps.push_back({.kind = Step::Kind::kCompute, .time = microseconds(random.uniform(1, 300))});
      }
    }
    vm.threads.push_back(std::move(t));
  }
  return vm;
}

// What must hold whenever all is decided; empty, or what does not. `idles`: a processor has nothing to do
// while a vCPU that may run anywhere has work.
std::string wrong(Machine& machine, Policy policy, bool& idles) {
  std::set<const Vcpu*> running;
  std::uint32_t idle = 0;
  for (std::uint32_t p = 0; p < machine.count(); ++p) {
    const Vcpu* v = machine.current(p);
    if (v == nullptr) {
      ++idle;
      continue;
    }
    const std::string who = v->vm->spec->name + " vCPU " + std::to_string(v->index);
    if (!running.insert(v).second) return who + " has two processors";
    if (v->state != Vcpu::State::kRunning || v->processor != p) return who + " does not know that it runs";
    if (v->current == nullptr || v->current->on != v) return who + " runs no thread";
    if (v->current->state != Thread::State::kReady) return who + " runs one that is not ready";
  }
  for (Vm& vm : machine.vms()) {
    // A vCPU that sleeps is not needed by threads that have work: those that were woken for them suffice.
    std::uint32_t waiting = 0, awake = 0, asleep = 0;
    for (const Vcpu& v : vm.vcpus) {
      const std::string who = vm.spec->name + " vCPU " + std::to_string(v.index);
      if ((v.state == Vcpu::State::kRunning) != (running.count(&v) == 1)) return who + " is said to run";
      // Real-time vCPUs are bound to a processor, or have no more than their budgets; fair ones are neither.
      const bool bounded = !v.shared || policy == Policy::kRtdsPartitioned;
      if (v.state == Vcpu::State::kReady && !bounded && idle > 0) idles = true;
      if (!v.shared) continue;
      asleep += v.state == Vcpu::State::kIdle ? 1 : 0;
      awake += v.state == Vcpu::State::kReady && v.current == nullptr ? 1 : 0;
    }
    for (const Thread& t : vm.threads) {
      if (t.state != Thread::State::kReady || t.on != nullptr) continue;
      if (t.bound == nullptr)
        ++waiting;
      else if (t.bound->state == Vcpu::State::kIdle)
        return t.spec->name + " has work, and its vCPU sleeps";
    }
    if (asleep > 0 && waiting > awake) return vm.spec->name + " has work, and a vCPU sleeps";
  }
  return "";
}

class Whatever : public testing::TestWithParam<Policy> {};

void expect_sound(Policy policy, bool files) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random = Random(seed).stream("machine test");
    std::vector<VmSpec> vms;
    const auto count = random.uniform(1, 6);
    for (int i = 0; i < count; ++i) vms.push_back(random_vm(random, i, files));
    const Workload w =
        on(static_cast<std::uint32_t>(random.uniform(1, 4)), std::move(vms), random.below(3) == 0);
    const RunOptions options{.duration = milliseconds(200), .seed = seed, .until_miss = false};
    const Plan made = plan(w, policy);
    Machine machine(w, made, options);
    const auto host = make_host(machine, made, policy);
    std::string found;
    Time busy = Time::never();  // since then a processor idles that should not
    machine.observe([&] {
      if (!found.empty()) return;
      bool idles = false;
      found = wrong(machine, policy, idles);
      // Rarely (one seed in a thousand) two balancings are needed; the seeds without files have none of
      // these.
      if (!idles || files) busy = Time::never();
      if (idles && !files) busy = std::min(busy, machine.now());
      // One preempted by real-time work is found at the next balancing, as on a real host.
      if (idles && !files && machine.now() > busy + LinuxHost::kBalance)
        found = "a processor idles beside work";
      if (!found.empty()) found += " at " + std::to_string(machine.now().ns) + " ns";
    });
    const RunResult r = machine.run(*host);
    ASSERT_EQ(found, "");
    Duration used = r.idle + r.overhead;
    for (const VmResult& v : r.vms) used += v.work;
    // Guest switches are overhead that nobody counts, and the last overhead may not have been served.
    ASSERT_LE(used, r.duration * w.machine.processors + milliseconds(1));
    ASSERT_EQ(digest(r), digest(run(w, policy, options)));
  }
}

TEST_P(Whatever, IsSoundAndDeterministic) {
  expect_sound(GetParam(), false);
}

TEST_P(Whatever, OfFilesIsSoundAndDeterministic) {
  expect_sound(GetParam(), true);
}

INSTANTIATE_TEST_SUITE_P(Policies, Whatever, testing::ValuesIn(kPolicies), [](const auto& test) {
  std::string name = to_string(test.param);
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace candor::sim
