#include "sim/xen/rtds_host.h"

namespace candor::sim {

// Timers: for each vCPU the end of its period.
RtdsHost::RtdsHost(Machine& machine, const Plan& plan)
    : machine_(machine), servers_(machine.vcpu_count()), pinned_(machine.count()) {
  for (Vm& vm : machine.vms()) {
    for (Vcpu& vcpu : vm.vcpus) {
      const VcpuPlan& p = plan.vms[vm.index].vcpus[vcpu.index];
      Server& s = server(vcpu);
      s.vcpu = &vcpu;
      s.budget = p.budget;
      s.period = p.period;
      s.extratime = p.extratime;
      s.pinned = p.processor;
      s.rank = {.level = 0, .deadline = machine.now(), .arrival = 0, .number = vcpu.number};
    }
  }
}

std::uint32_t RtdsHost::timers() const {
  return machine_.vcpu_count();
}

// --------------------------------------------------------------------- servers

RtdsHost::Queue& RtdsHost::queue(const Server& s) {
  return s.pinned != kNowhere ? pinned_[s.pinned] : floating_;
}

void RtdsHost::begin_period(Server& s) {
  const std::int64_t passed = (machine_.now() - s.rank.deadline).ns / s.period.ns + 1;
  s.rank.deadline = s.rank.deadline + s.period * passed;
  s.rank.level = 0;
  s.left = s.budget;
}

void RtdsHost::enqueue(Server& s) {
  if (s.left.ns > 0) queue(s).insert(s.rank);  // else it is depleted
}

void RtdsHost::dequeue(Server& s) {
  queue(s).erase(s.rank);
}

void RtdsHost::wake(Vcpu& vcpu) {
  Server& s = server(vcpu);
  if (machine_.now() >= s.rank.deadline) begin_period(s);
  s.rank.arrival = ++arrivals_;
  machine_.set_timer(vcpu.number, s.rank.deadline);
  enqueue(s);
  offer(s);
}

void RtdsHost::sleep(Vcpu& vcpu) {
  server(vcpu).runs = false;
  machine_.set_timer(vcpu.number, Time::never());
}

void RtdsHost::charge(Vcpu& vcpu, Duration ran) {
  Server& s = server(vcpu);
  s.left -= ran;
  if (s.left.ns > 0) return;
  if (s.extratime) {
    ++s.rank.level;
    s.rank.arrival = ++arrivals_;
    s.left = s.budget;
  }
  machine_.reschedule(vcpu.processor);
}

void RtdsHost::timer(std::uint32_t which) {
  Server& s = servers_[which];
  if (s.runs)
    machine_.settle(s.vcpu->processor);
  else
    dequeue(s);
  begin_period(s);
  s.rank.arrival = ++arrivals_;
  machine_.set_timer(which, s.rank.deadline);
  if (s.runs) return machine_.reschedule(s.vcpu->processor);  // others may come before it now
  enqueue(s);
  offer(s);
}

// ------------------------------------------------------------------- selection

Vcpu* RtdsHost::pick(std::uint32_t processor) {
  const Vcpu* running = machine_.current(processor);
  Server* const before = running != nullptr ? &server(*running) : nullptr;
  Server* next = before != nullptr && before->left.ns > 0 ? before : nullptr;
  for (const Queue* queue : {&pinned_[processor], &floating_}) {
    if (queue->empty()) continue;
    Server& first = servers_[queue->begin()->number];
    if (next == nullptr || first.rank < next->rank) next = &first;
  }
  if (next != before) {
    if (next != nullptr) {
      dequeue(*next);
      next->runs = true;
    }
    if (before != nullptr) {
      before->runs = false;
      enqueue(*before);
    }
  }
  if (!floating_.empty()) offer(servers_[floating_.begin()->number]);
  return next != nullptr ? next->vcpu : nullptr;
}

void RtdsHost::offer(const Server& s) {
  if (s.left.ns <= 0) return;
  if (s.pinned != kNowhere) {
    const Vcpu* current = machine_.current(s.pinned);
    if (current == nullptr || s.rank < server(*current).rank) machine_.reschedule(s.pinned);
    return;
  }
  const std::uint32_t n = machine_.count();
  const Vcpu* last = nullptr;
  for (std::uint32_t i = 0, p = s.vcpu->processor != kNowhere ? s.vcpu->processor : 0; i < n;
       ++i, p = p + 1 == n ? 0 : p + 1) {
    const Vcpu* current = machine_.current(p);
    if (current == nullptr) return machine_.reschedule(p);
    if (last == nullptr || server(*last).rank < server(*current).rank) last = current;
  }
  if (last != nullptr && s.rank < server(*last).rank) machine_.reschedule(last->processor);
}

Duration RtdsHost::limit(const Vcpu& vcpu) const {
  return servers_[vcpu.number].left;
}

}  // namespace candor::sim
