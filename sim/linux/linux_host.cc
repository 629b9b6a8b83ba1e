#include "sim/linux/linux_host.h"

#include <algorithm>
#include <cmath>

namespace candor::sim {
namespace {

constexpr Duration kServerPeriod = seconds(1);

// Weights are integers in the fair queue; the share controller's have fractions.
constexpr std::int64_t kWeightUnits = 16;

}  // namespace

// Timers: for each processor its fair server's, then one for balancing, then for each vCPU its server's.
LinuxHost::LinuxHost(Machine& machine, const Plan& plan)
    : machine_(machine), entities_(machine.vcpu_count()), cpus_(machine.count()) {
  for (Cpu& cpu : cpus_) cpu.fair = FairQueue(machine.spec().slice);
  std::uint32_t spread = 0;
  for (Vm& vm : machine.vms()) {
    for (Vcpu& vcpu : vm.vcpus) {
      const VcpuPlan& p = plan.vms[vm.index].vcpus[vcpu.index];
      Entity& e = entity(vcpu);
      e.vcpu = &vcpu;
      e.fair.weight = vm.spec->weight * kWeightUnits;
      e.fair.id = vcpu.number;
      e.pinned = p.processor;
      e.processor = p.processor != kNowhere ? p.processor : spread++ % machine.count();
      if (p.cls == VcpuPlan::Class::kFifo) e.cls = Class::kFifo, e.level = p.level;
      if (p.cls == VcpuPlan::Class::kServer)
        e.cls = Class::kDeadline, e.budget = e.left = p.budget, e.period = p.period;
    }
  }
}

std::uint32_t LinuxHost::own_timers() const {
  return machine_.count() + 1 + machine_.vcpu_count();
}

std::uint32_t LinuxHost::timers() const {
  return own_timers();
}

void LinuxHost::start() {
  machine_.set_timer(machine_.count(), machine_.now() + kBalance);
}

// ---------------------------------------------------------------------- queues

LinuxHost::Key LinuxHost::key(const Entity& e) {
  if (e.cls == Class::kDeadline && e.lent == 0) return {e.deadline.ns, e.arrival, e.vcpu->number};
  return {-std::max(e.level, e.lent), e.arrival, e.vcpu->number};
}

LinuxHost::Queue& LinuxHost::queue(Entity& e) {
  if (e.cls == Class::kDeadline) return e.pinned != kNowhere ? cpus_[e.pinned].deadline : deadline_;
  return e.pinned != kNowhere ? cpus_[e.pinned].fifo : fifo_;
}

void LinuxHost::enqueue(Entity& e) {
  if (!std::exchange(e.queued, true)) e.queued_since = machine_.now();
  if (e.cls == Class::kFair && e.lent == 0) {
    const bool stays = e.vcpu->state == Vcpu::State::kRunning && e.pinned == kNowhere;
    e.processor = stays ? e.vcpu->processor : place_fair(e);
    cpus_[e.processor].fair.add(e.fair);
    begin_server(e.processor);
    machine_.reschedule(e.processor);
    return;
  }
  if (e.throttled) return;
  if (e.pinned != kNowhere) e.processor = e.pinned;
  queue(e).insert(key(e));
  e.processor = place_realtime(e);
  machine_.reschedule(e.processor);
}

void LinuxHost::dequeue(Entity& e) {
  e.queued = false;
  e.queued_time += machine_.now() - e.queued_since;
  if (e.cls == Class::kFair && e.lent == 0) {
    Cpu& cpu = cpus_[e.processor];
    cpu.fair.remove(e.fair);
    if (!cpu.fair.empty()) return;
    cpu.server_begin = Time::never();
    cpu.server = false;
    machine_.set_timer(e.processor, Time::never());
    return;
  }
  queue(e).erase(key(e));
}

void LinuxHost::wake(Vcpu& vcpu) {
  Entity& e = entity(vcpu);
  e.arrival = ++arrivals_;
  if (e.cls == Class::kDeadline && !e.throttled) {
    // The constant-bandwidth server's wake-up rule.
    const Duration ahead = e.deadline - machine_.now();
    if (ahead.ns <= 0 || __int128{e.left.ns} * e.period.ns > __int128{ahead.ns} * e.budget.ns) {
      e.deadline = machine_.now() + e.period;
      e.left = e.budget;
    }
  }
  enqueue(e);
}

void LinuxHost::sleep(Vcpu& vcpu) {
  dequeue(entity(vcpu));
}

void LinuxHost::set_level(Vcpu& vcpu, int level, std::uint32_t processor) {
  Entity& e = entity(vcpu);
  const bool queued = e.queued;
  if (queued) dequeue(e);
  e.cls = level > 0 ? Class::kFifo : Class::kFair;
  e.level = level;
  e.pinned = processor;
  if (vcpu.state == Vcpu::State::kRunning) machine_.reschedule(vcpu.processor);
  if (queued) enqueue(e);
}

void LinuxHost::set_fair(Vcpu& vcpu, double weight, std::uint32_t processor) {
  Entity& e = entity(vcpu);
  const auto units = std::max<std::int64_t>(1, std::llround(weight * kWeightUnits));
  // One with a lent rank stands in a real-time queue, where places are found anew each time.
  const bool moves = processor != kNowhere && processor != e.processor && e.lent == 0;
  if (e.fair.weight == units && !moves) return;
  const bool queued = e.queued;
  if (vcpu.state == Vcpu::State::kRunning) {
    machine_.settle(vcpu.processor);
    machine_.reschedule(vcpu.processor);
  }
  if (queued) dequeue(e);
  e.fair.weight = units;
  if (moves) e.pinned = processor;
  if (queued) enqueue(e);
  e.pinned = kNowhere;
}

Duration LinuxHost::ready_time(const Vcpu& vcpu) const {
  const Entity& e = entities_[vcpu.number];
  return e.queued_time + (e.queued ? machine_.now() - e.queued_since : Duration{});
}

// A lock's owner has the rank of the first that waits for it.
void LinuxHost::inherited(Thread& owner) {
  if (!owner.vm->aware) return;
  Vcpu* vcpu = owner.on != nullptr ? owner.on : owner.home;
  Entity& e = entity(*vcpu);
  int lent = 0;
  for (const Lock& lock : owner.vm->locks) {
    if (lock.owner != &owner) continue;
    for (const Thread* w : lock.waiters)
      if (w->home != vcpu && entity(*w->home).cls == Class::kFifo)
        lent = std::max(lent, entity(*w->home).level);
  }
  if (lent == e.lent) return;
  const bool queued = e.queued;
  if (queued) dequeue(e);
  e.lent = lent;
  if (queued) enqueue(e);
}

// ------------------------------------------------------------------- selection

LinuxHost::Entity* LinuxHost::first(const Queue& queue, std::uint32_t processor) {
  for (const Key& k : queue) {
    Entity& e = entities_[k.number];
    if (e.vcpu->state != Vcpu::State::kRunning || e.vcpu->processor == processor) return &e;
  }
  return nullptr;
}

LinuxHost::Entity* LinuxHost::first(const Queue& pinned, const Queue& floating, std::uint32_t processor) {
  Entity* a = first(pinned, processor);
  Entity* b = first(floating, processor);
  return a == nullptr || (b != nullptr && key(*b) < key(*a)) ? b : a;
}

Vcpu* LinuxHost::pick(std::uint32_t p) {
  Cpu& cpu = cpus_[p];
  Vcpu* const current = machine_.current(p);
  Entity* next = first(cpu.deadline, deadline_, p);
  if (next == nullptr && !(cpu.server && !cpu.fair.empty())) next = first(cpu.fifo, fifo_, p);
  if (next == nullptr) {
    FairEntity* running = nullptr;
    if (current != nullptr) {
      Entity& e = entity(*current);
      if (e.queued && e.cls == Class::kFair && e.lent == 0 && e.processor == p) running = &e.fair;
    }
    FairEntity* fair = cpu.fair.pick(running);
    next = fair != nullptr ? &of(*fair) : steal_for(p);
    if (next != nullptr && next->vcpu->state == Vcpu::State::kRunning && next->vcpu->processor != p) {
      // It was moved here and has not left there.
      machine_.reschedule(next->vcpu->processor);
      machine_.reschedule(p);
      return running != nullptr ? current : nullptr;
    }
  }
  push(next);
  return next != nullptr ? next->vcpu : nullptr;
}

// One that floats and waits goes where less runs, if that is anywhere.
void LinuxHost::push(const Entity* chosen) {
  for (const Queue* queue : {&deadline_, &fifo_}) {
    for (const Key& k : *queue) {
      const Entity& e = entities_[k.number];
      if (&e == chosen || e.vcpu->state == Vcpu::State::kRunning) continue;
      const std::uint32_t p = place_realtime(e);
      if (worth(p) < worth(e)) machine_.reschedule(p);
      break;
    }
  }
}

bool LinuxHost::idle(std::uint32_t p) const {
  return machine_.current(p) == nullptr && cpus_[p].fair.empty() && cpus_[p].fifo.empty() &&
         cpus_[p].deadline.empty();
}

std::uint32_t LinuxHost::place_fair(const Entity& e) {
  if (e.pinned != kNowhere) return e.pinned;
  const std::uint32_t n = machine_.count();
  for (std::uint32_t i = 0, p = e.processor; i < n; ++i, p = p + 1 == n ? 0 : p + 1)
    if (idle(p)) return p;
  return e.processor;
}

LinuxHost::Worth LinuxHost::worth(const Entity& e) {
  if (e.cls == Class::kDeadline) return {3, -e.deadline.ns};
  if (e.cls == Class::kFifo || e.lent > 0) return {2, std::max(e.level, e.lent)};
  return {1, 0};
}

LinuxHost::Worth LinuxHost::worth(std::uint32_t p) const {
  const Vcpu* v = machine_.current(p);
  if (v == nullptr) return {0, 0};
  const Entity& e = entities_[v->number];
  if (cpus_[p].server && e.cls == Class::kFair && e.lent == 0) return {2, kForever.ns};
  return worth(e);
}

// The processor that runs what matters least; where it was, if that is one of them.
std::uint32_t LinuxHost::place_realtime(const Entity& e) const {
  if (e.pinned != kNowhere) return e.pinned;
  std::uint32_t best = e.processor;
  for (std::uint32_t p = 0; p < machine_.count(); ++p)
    if (worth(p) < worth(best)) best = p;
  return best;
}

Duration LinuxHost::limit(const Vcpu& vcpu) const {
  const Entity& e = entities_[vcpu.number];
  if (e.cls == Class::kDeadline) return std::max(e.left, nanoseconds(1));
  if (e.cls == Class::kFifo || e.lent > 0) return kForever;
  const Cpu& cpu = cpus_[e.processor];
  Duration most = cpu.fair.members().size() > 1 ? cpu.fair.until_done(e.fair) : kForever;
  if (cpu.server) most = std::min(most, machine_.spec().fair_server - cpu.fair_got);
  return most;
}

// ------------------------------------------------------------------------ time

void LinuxHost::charge(Vcpu& vcpu, Duration ran) {
  Entity& e = entity(vcpu);
  Cpu& cpu = cpus_[vcpu.processor];
  if (e.cls != Class::kFair || e.lent > 0) {
    cpu.realtime += ran;
    cpu.realtime_total += ran;
  }
  if (e.cls == Class::kDeadline) {
    e.left -= ran;
    if (e.left.ns > 0 || e.throttled) return;
    if (e.queued) queue(e).erase(key(e));
    e.throttled = true;
    machine_.set_timer(machine_.count() + 1 + vcpu.number, std::max(e.deadline, machine_.now()));
    machine_.reschedule(vcpu.processor);
    return;
  }
  if (e.cls == Class::kFifo || e.lent > 0 || !e.queued) return;
  cpu.fair.charge(e.fair, ran);
  cpu.fair_got += ran;
  if (cpu.fair_got < machine_.spec().fair_server) return;
  if (cpu.server) machine_.reschedule(vcpu.processor);
  cpu.server = false;
  cpu.server_begin = Time::never();
  begin_server(vcpu.processor);
}

void LinuxHost::begin_server(std::uint32_t p) {
  Cpu& cpu = cpus_[p];
  const Duration share = machine_.spec().fair_server;
  if (share.ns == 0 || cpu.server_begin != Time::never()) return;
  cpu.server_begin = machine_.now();
  cpu.fair_got = Duration{0};
  machine_.set_timer(p, machine_.now() + kServerPeriod - share);
}

void LinuxHost::replenish(Entity& e) {
  e.throttled = false;
  e.left += e.budget;
  e.deadline = std::max(e.deadline, machine_.now()) + e.period;
  if (e.left > e.budget) e.left = e.budget;
  if (e.queued) enqueue(e);
}

void LinuxHost::timer(std::uint32_t which) {
  if (which > machine_.count()) return replenish(entities_[which - machine_.count() - 1]);
  if (which == machine_.count()) return balance();
  Cpu& cpu = cpus_[which];
  machine_.settle(which);
  if (cpu.fair.empty() || machine_.now() < cpu.server_begin + kServerPeriod - machine_.spec().fair_server)
    return;  // its share came meanwhile
  cpu.server = true;
  machine_.reschedule(which);
}

// --------------------------------------------------------------------- balance

void LinuxHost::move(Entity& e, std::uint32_t to) {
  dequeue(e);
  e.queued = true;
  e.queued_since = machine_.now();
  e.processor = to;
  cpus_[to].fair.add(e.fair);
  begin_server(to);
  machine_.reschedule(to);
}

LinuxHost::Entity* LinuxHost::steal_for(std::uint32_t p) {
  std::size_t most = 0;
  std::uint32_t from = kNowhere;
  for (std::uint32_t q = 0; q < machine_.count(); ++q) {
    const auto& members = cpus_[q].fair.members();
    if (q == p || members.size() <= most) continue;
    most = members.size();
    from = q;
  }
  if (from == kNowhere) return nullptr;
  for (FairEntity* fair : cpus_[from].fair.members()) {
    Entity& e = of(*fair);
    if (e.pinned != kNowhere || e.vcpu->state == Vcpu::State::kRunning) continue;
    move(e, p);
    FairEntity* first = cpus_[p].fair.pick(nullptr);
    return first != nullptr ? &of(*first) : nullptr;
  }
  return nullptr;
}

void LinuxHost::balance() {
  machine_.set_timer(machine_.count(), machine_.now() + kBalance);
  if (machine_.count() == 1) return;
  std::vector<double> load(machine_.count());
  for (std::uint32_t p = 0; p < machine_.count(); ++p) {
    Cpu& cpu = cpus_[p];
    machine_.settle(p);
    const double part = static_cast<double>(cpu.realtime.ns) / static_cast<double>(kBalance.ns);
    cpu.realtime_part = std::min(0.95, (cpu.realtime_part + std::min(part, 1.0)) / 2);
    cpu.realtime = Duration{0};
    load[p] = static_cast<double>(cpu.fair.load()) / (1 - cpu.realtime_part);
  }
  for (std::uint32_t moves = 0; moves < machine_.count(); ++moves) {
    const auto from = static_cast<std::uint32_t>(std::max_element(load.begin(), load.end()) - load.begin());
    if (load[from] <= 0) return;
    const auto to = static_cast<std::uint32_t>(std::min_element(load.begin(), load.end()) - load.begin());
    Entity* best = nullptr;
    // A processor with nothing to do takes one that waits behind real-time work, whatever the loads.
    double best_load = machine_.current(to) == nullptr ? 1e18 : load[from];
    for (FairEntity* fair : cpus_[from].fair.members()) {
      Entity& e = of(*fair);
      if (e.pinned != kNowhere || e.vcpu->state == Vcpu::State::kRunning) continue;
      const auto w = static_cast<double>(e.fair.weight);
      const double after = std::max(load[from] - w / (1 - cpus_[from].realtime_part),
                                    load[to] + w / (1 - cpus_[to].realtime_part));
      if (after < best_load) best = &e, best_load = after;
    }
    if (best == nullptr) return;
    const auto w = static_cast<double>(best->fair.weight);
    load[from] -= w / (1 - cpus_[from].realtime_part);
    load[to] += w / (1 - cpus_[to].realtime_part);
    move(*best, to);
  }
}

}  // namespace candor::sim
