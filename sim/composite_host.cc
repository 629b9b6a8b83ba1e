#include "sim/composite_host.h"

#include <algorithm>
#include <utility>

#include "sim/blocking.h"

namespace candor::sim {
namespace {

// As in host/host_scheduler.cc.
constexpr std::int64_t kBellBurst = 128, kBellsPerSecond = 100;

std::uint32_t to_ppm(double part) {
  return static_cast<std::uint32_t>(std::clamp(part * 1e6 + 0.5, 0.0, 4e9));
}

sched::ClaimRequest request_of(const VmSpec& vm, std::size_t thread) {
  const ThreadSpec& t = vm.threads[thread];
  return {.cls = static_cast<std::uint32_t>(t.cls),
          .priority = t.priority,
          .budget_ns = static_cast<std::uint64_t>(claimed(t).ns),
          .period_ns = static_cast<std::uint64_t>(t.period.ns),
          .relative_deadline_ns = static_cast<std::uint64_t>(t.deadline.ns),
          .blocking_ns = static_cast<std::uint64_t>(claimed_blocking(vm, thread).ns)};
}

// What a VM asks for all its claims together where its configuration does not say.
std::uint32_t bandwidth_of(const VmSpec& vm) {
  if (vm.bandwidth > 0) return to_ppm(vm.bandwidth);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < vm.threads.size(); ++i) {
    if (!realtime(vm.threads[i])) continue;
    const auto terms = sched::check_request(request_of(vm, i));
    if (terms.ok()) sum += sched::bandwidth_of(*terms);
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, 4'000'000'000));
}

// What the machine takes for itself is known here: so little tolerance, unless a hypervisor below takes more.
// A job is charged its own wake-up, and a switch each time that others have run in between.
sched::ProcessorModel model_for(const MachineSpec& machine) {
  sched::ProcessorModel model;
  if (machine.stolen.ns > 0) return model;
  const Costs& costs = machine.costs;
  model.ceiling_ppm = static_cast<std::uint32_t>((seconds(1) - machine.fair_server).ns / 1000);
  model.limit_ppm = model.ceiling_ppm;
  model.tolerance_ppm = static_cast<std::uint32_t>(costs.context_switch.ns);  // one in each millisecond
  model.least_tolerance = costs.context_switch * 5 + costs.wake_up;
  model.job_overhead = costs.decision + costs.rank_change * 2;
  return model;
}

sched::Capacity capacity_for(Machine& machine) {
  sched::Capacity capacity{
      .vms = static_cast<std::uint32_t>(machine.vms().size()), .claims = 1, .processors = machine.count()};
  for (const Vm& vm : machine.vms())
    for (const Thread& t : vm.threads) capacity.claims += realtime(*t.spec) ? 1 : 0;
  return capacity;
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
  if (t.spec->arrival == Arrival::kSporadic || t.spec->arrival == Arrival::kTrace)
    return {.state = CANDOR_THREAD_BLOCKED, .job = t.job};
  return {.state = CANDOR_THREAD_WAITING, .release_ns = ns(t.next_release), .job = t.job + 1};
}

}  // namespace

CompositeHost::CompositeHost(Machine& machine, const Plan& plan)
    : LinuxHost(machine, plan),
      scheduler_(machine.count(), {}, capacity_for(machine), model_for(machine.spec())),
      shares_(machine.vcpu_count(), machine.count()),
      realtime_(machine.count()),
      room_(machine.count()),
      borrowed_(machine.vcpu_count()) {
  std::size_t threads = 0;
  for (Vm& vm : machine.vms()) {
    for (Vcpu& v : vm.vcpus) {
      if (!v.shared) continue;
      seen_.push_back({.vcpu = &v, .ran = {}, .ready = {}});
      uses_.push_back({.vm = vm.index,
                       .vcpu = v.index,
                       .weight = vm.spec->weight,
                       .processor = 0,
                       .ran = {},
                       .waited = {}});
    }
    threads += vm.threads.size();
    on_.emplace_back(vm.threads.size());
    bells_.emplace_back(kBellBurst, kBellsPerSecond);
  }
  claims_.resize(threads);
}

std::uint32_t CompositeHost::timers() const {
  return own_timers() + scheduler_.processors() + 1;
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
  shared_ = machine().now();
  machine().set_timer(timers() - 1, shared_ + sched::Shares::kInterval);
}

void CompositeHost::claim(Thread& t) {
  Claim& claim = claims_[t.number];
  claim.thread = &t;
  on_[t.vm->index][t.index] = &claim;
  const sched::Answer answer =
      scheduler_.claim(t.vm->index, t.index, request_of(*t.vm->spec, t.index), machine().now());
  if (const auto& watch = machine().options().watch)
    watch({.at = machine().now(),
           .vm = t.vm->index,
           .vcpu = answer.vcpu,
           .processor = answer.processor,
           .thread = t.index,
           .answer = answer,
           .why = {}});
  for (const auto& move : scheduler_.moves())
    for (Claim* c : on_[move.vm])
      if (c != nullptr && c->admitted && c->thread->bound->index == move.vcpu) c->processor = move.to;
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
  if (bells_[t.vm->index].take(machine().now())) serve(claim.processor, false);
}

void CompositeHost::timer(std::uint32_t which) {
  if (which < own_timers()) return LinuxHost::timer(which);
  if (which == timers() - 1) return share();
  serve(which - own_timers(), true);
}

// As in host/host_scheduler.cc: what a fair vCPU ran since the last look counts against the first claim here
// of its VM if it has a rank that one lent.
void CompositeHost::charge_borrowed() {
  for (auto c = served_.begin(); c != served_.end(); ++c) {
    if (std::any_of(served_.begin(), c, [&](const auto& o) { return o.vm == c->vm; })) continue;
    for (const Vcpu& v : machine().vms()[c->vm].vcpus) {
      if (!v.shared) continue;
      if (v.state == Vcpu::State::kRunning) machine().settle(v.processor);
      const Duration ran = v.ran - std::exchange(borrowed_[v.number], v.ran);
      if (ran > Duration{} && boosted(v)) scheduler_.charge_borrowed(c->vm, c->thread, ran, machine().now());
    }
  }
}

void CompositeHost::share() {
  const Time now = machine().now();
  const Duration interval = now - std::exchange(shared_, now);
  machine().set_timer(timers() - 1, now + sched::Shares::kInterval);
  for (std::uint32_t p = 0; p < machine().count(); ++p) {
    machine().settle(p);
    const Duration total = realtime_time(p);
    room_[p] = std::max(interval - (total - std::exchange(realtime_[p], total)), Duration{});
  }
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    Seen& s = seen_[i];
    const Duration ran = s.vcpu->ran - std::exchange(s.ran, s.vcpu->ran);
    const Duration total = ready_time(*s.vcpu);
    const Duration ready = total - std::exchange(s.ready, total);
    uses_[i].processor = s.vcpu->processor == kNowhere ? 0 : s.vcpu->processor;
    uses_[i].ran = ran;
    uses_[i].waited = ready - ran;
  }
  const auto places = shares_.decide(uses_, room_, interval);
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    static_assert(sched::kNone == kNowhere);
    set_fair(*seen_[i].vcpu, places[i].weight, places[i].processor);
  }
}

void CompositeHost::serve(std::uint32_t processor, bool by_timer) {
  const Time now = machine().now();
  if (now < machine().stolen_until(processor))
    return machine().set_timer(own_timers() + processor, machine().stolen_until(processor));
  machine().settle(processor);
  scheduler_.claims_on(processor, served_);
  if (served_.empty()) return;
  for (const auto& c : served_) scheduler_.publish(c.vm, c.thread, on_[c.vm][c.thread]->said, now);
  for (const auto& c : served_) scheduler_.charge(c.vm, c.vcpu, machine().vms()[c.vm].vcpus[c.vcpu].ran, now);
  if (by_timer) charge_borrowed();
  const sched::Decision decision = scheduler_.decide(processor, now);
  if (machine().options().watch) tell_ranks(processor, decision);
  ++decisions_;
  changes_ += decision.changes.size();
  const Costs& costs = machine().spec().costs;
  machine().take(processor,
                 costs.decision + costs.rank_change * static_cast<std::int64_t>(decision.changes.size()));
  for (const sched::RankChange& change : decision.changes)
    set_level(machine().vms()[change.vm].vcpus[change.vcpu], change.level, processor);
  machine().set_timer(own_timers() + processor, decision.next);
}

void CompositeHost::tell_ranks(std::uint32_t processor, const sched::Decision& decision) {
  const Time now = machine().now();
  for (const sched::RankChange& change : decision.changes) {
    const sched::Explanation why = scheduler_.explain(change.vm, change.vcpu, now);
    machine().options().watch({.at = now,
                               .vm = change.vm,
                               .vcpu = change.vcpu,
                               .processor = processor,
                               .thread = why.thread,
                               .answer = {},
                               .why = why});
  }
}

void CompositeHost::report(RunResult& result) const {
  result.decisions = decisions_;
  result.rank_changes = changes_;
}

}  // namespace candor::sim
