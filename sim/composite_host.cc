#include "sim/composite_host.h"

#include <algorithm>

namespace candor::sim {
namespace {

// As in host/host_scheduler.cc.
constexpr std::int64_t kBellBurst = 64, kBellsPerSecond = 100;

Duration budget(const ThreadSpec& spec) {
  return spec.budget.ns > 0 ? spec.budget : spec.work;
}

std::uint32_t to_ppm(double part) {
  return static_cast<std::uint32_t>(std::clamp(part * 1e6 + 0.5, 0.0, 4e9));
}

// What a VM asks for all its claims together where its configuration does not say.
std::uint32_t bandwidth_of(const VmSpec& vm) {
  if (vm.bandwidth > 0) return to_ppm(vm.bandwidth);
  std::uint64_t sum = 0;
  for (const ThreadSpec& t : vm.threads) {
    if (!realtime(t)) continue;
    const auto terms =
        sched::check_request({.cls = static_cast<std::uint32_t>(t.cls),
                              .priority = t.priority,
                              .budget_ns = static_cast<std::uint64_t>(budget(t).ns),
                              .period_ns = static_cast<std::uint64_t>(t.period.ns),
                              .relative_deadline_ns = static_cast<std::uint64_t>(t.deadline.ns)});
    if (terms.ok()) sum += sched::bandwidth_of(*terms);
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, 4'000'000'000));
}

sched::JobReport report_of(const Thread& t, Time now) {
  const auto ns = [](Time time) { return static_cast<std::uint64_t>(time.ns); };
  switch (t.spec->lie) {
    case Lie::kUrgent:
      return {.state = CANDOR_THREAD_READY, .release_ns = ns(now), .deadline_ns = ns(now), .job = t.step};
    case Lie::kFlapping:
      return {.state = static_cast<std::uint32_t>(t.ran.ns / 50'000 % 2 == 0 ? CANDOR_THREAD_BLOCKED
                                                                             : CANDOR_THREAD_READY),
              .release_ns = ns(now),
              .job = ns(now)};
    case Lie::kImpossible:
      return {.state = CANDOR_THREAD_READY,
              .release_ns = ns(now) - 5'000'000'000,
              .deadline_ns = t.ran.ns / 50'000 % 2 == 0 ? 1 : ~std::uint64_t{1},
              .expected_ns = ~std::uint64_t{0},
              .job = ns(now)};
    case Lie::kNone:
    case Lie::kOverrun:
      break;
  }
  if (t.state != Thread::State::kSleeping)
    return {.state = CANDOR_THREAD_READY, .release_ns = ns(t.release), .job = t.job};
  if (t.spec->arrival == Arrival::kSporadic) return {.state = CANDOR_THREAD_BLOCKED, .job = t.job};
  return {.state = CANDOR_THREAD_WAITING, .release_ns = ns(t.next_release), .job = t.job + 1};
}

}  // namespace

CompositeHost::CompositeHost(Machine& machine, const Plan& plan)
    : LinuxHost(machine, plan), scheduler_(machine.count()) {
  std::size_t threads = 0;
  for (const Vm& vm : machine.vms()) {
    threads += vm.threads.size();
    on_.emplace_back(vm.threads.size());
    bells_.emplace_back(kBellBurst, kBellsPerSecond);
  }
  claims_.resize(threads);
}

std::uint32_t CompositeHost::timers() const {
  return own_timers() + scheduler_.processors();
}

void CompositeHost::start() {
  LinuxHost::start();
  for (Vm& vm : machine().vms()) {
    sched::Entitlement e{.weight = vm.spec->weight,
                         .bandwidth_ppm = bandwidth_of(*vm.spec),
                         .max_priority = vm.spec->max_priority,
                         .fair_vcpus = 0,
                         .realtime_vcpus = 0};
    for (const Vcpu& v : vm.vcpus) ++(v.shared ? e.fair_vcpus : e.realtime_vcpus);
    if (e.realtime_vcpus == 0 || !scheduler_.add_vm(vm.index, e)) continue;
    std::int64_t jobs = 0;
    for (Thread& t : vm.threads) {
      if (!realtime(*t.spec)) continue;
      claim(t);
      jobs += t.spec->period.ns > 0 ? seconds(1).ns / t.spec->period.ns + 1 : 0;
    }
    bells_[vm.index].set_rate(kBellsPerSecond + jobs + jobs / 4);
  }
  // Once the guests have said when their first jobs are.
  for (std::uint32_t p = 0; p < scheduler_.processors(); ++p)
    machine().set_timer(own_timers() + p, machine().now());
}

void CompositeHost::claim(Thread& t) {
  Claim& claim = claims_[t.number];
  claim.thread = &t;
  on_[t.vm->index][t.index] = &claim;
  const sched::Answer answer =
      scheduler_.claim(t.vm->index, t.index,
                       {.cls = static_cast<std::uint32_t>(t.spec->cls),
                        .priority = t.spec->priority,
                        .budget_ns = static_cast<std::uint64_t>(budget(*t.spec).ns),
                        .period_ns = static_cast<std::uint64_t>(t.spec->period.ns),
                        .relative_deadline_ns = static_cast<std::uint64_t>(t.spec->deadline.ns)},
                       machine().now());
  if (answer.status != CANDOR_CLAIM_ADMITTED) {
    ++machine().results(t).refused;
    return;
  }
  claim.admitted = true;
  claim.processor = answer.processor;
  t.bound = t.home = &t.vm->vcpus[answer.vcpu];
}

void CompositeHost::published(Thread& t, bool ended) {
  Claim& claim = claims_[t.number];
  if (!claim.admitted) return;
  claim.said = report_of(t, machine().now());
  if (!ended || scheduler_.vcpu_view(t.vm->index, t.bound->index, machine().now()).ring_at_job_end == 0)
    return;
  if (bells_[t.vm->index].take(machine().now())) serve(claim.processor);
}

void CompositeHost::timer(std::uint32_t which) {
  if (which < own_timers()) return LinuxHost::timer(which);
  serve(which - own_timers());
}

void CompositeHost::serve(std::uint32_t processor) {
  const Time now = machine().now();
  machine().settle(processor);
  scheduler_.claims_on(processor, served_);
  if (served_.empty()) return;
  for (const auto& c : served_) scheduler_.publish(c.vm, c.thread, on_[c.vm][c.thread]->said, now);
  for (const auto& c : served_) scheduler_.charge(c.vm, c.vcpu, machine().vms()[c.vm].vcpus[c.vcpu].ran, now);
  const sched::Decision decision = scheduler_.decide(processor, now);
  ++decisions_;
  changes_ += decision.changes.size();
  const Costs& costs = machine().spec().costs;
  machine().take(processor,
                 costs.decision + costs.rank_change * static_cast<std::int64_t>(decision.changes.size()));
  for (const sched::RankChange& change : decision.changes)
    set_level(machine().vms()[change.vm].vcpus[change.vcpu], change.level, processor);
  machine().set_timer(own_timers() + processor, decision.next);
}

void CompositeHost::report(RunResult& result) const {
  result.decisions = decisions_;
  result.rank_changes = changes_;
}

}  // namespace candor::sim
