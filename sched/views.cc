// What guests and people are told of the scheduler's state: VcpuView, ClaimView, Explanation. Reads only.
#include <algorithm>

#include "sched/scheduler.h"

namespace candor::sched {

bool Scheduler::uses(const Vcpu& vcpu, std::uint32_t processor) const {
  if (vcpu.realtime && vcpu.claims == 0) return false;  // carries nothing
  return vcpu.processor == kNone || processor == kNone || vcpu.processor == processor;
}

VcpuView Scheduler::vcpu_view(VmId id, std::uint32_t index, Time now) const {
  VcpuView view;
  const Vm* vm = find(id);
  if (vm == nullptr || index >= vm->vcpus.size()) return view;
  const Vcpu& vcpu = vm->vcpus[index];
  view.processor = vcpu.processor;
  view.rank = vcpu.realtime && vcpu.leader != nullptr ? cpus_[vcpu.processor].rank(vcpu) : 0;
  // A real-time vCPU is told of claims only: fair work never keeps it waiting.
  // That also keeps this off the list of all vCPUs on the decision path.
  view.sole = vcpu.realtime ? 0 : 1;
  for (const auto& [other_id, other] : vms_) {
    if (vcpu.realtime) break;
    for (const Vcpu& o : other->vcpus) {
      if (&o == &vcpu || !uses(o, vcpu.processor)) continue;
      if (other_id != id) view.sole = 0;
      const PublishedVcpu& said = other->published[o.index];
      const bool busy = said.state == CANDOR_VCPU_RUNNING;
      if (busy && other_id != id) view.wanted = 1;
      if (!o.realtime)
        view.waiting_key = std::min(view.waiting_key, busy ? now : std::max(said.next_timer, now));
    }
  }
  for (std::uint32_t p = 0; p < processors(); ++p) {
    if (vcpu.processor != kNone && vcpu.processor != p) continue;
    const Activity& activity = cpus_[p].activity();
    view.waiting_key = std::min(view.waiting_key, activity.beside(vcpu, now));
    if (activity.beside(*vm)) view.wanted = 1;
    if (vcpu.processor == kNone) continue;
    const Claim* first = activity.first();
    if (!vcpu.realtime) {
      view.preempted = first != nullptr ? 1 : 0;
      continue;
    }
    bool own_active = false;
    for (const Claim* c = vcpu.carried; c != nullptr; c = c->next_carried)
      own_active |= c->server.active() && !c->server.exhausted();
    if (own_active && vcpu.leader != nullptr && first->carrier != &vcpu &&
        precedes(first->standing, vcpu.leader->standing, now))
      view.preempted = 1;
    if (vcpu.claims > 0 && cpus_[p].size() > 1) view.ring_at_job_end = 1;
  }
  return view;
}

Explanation Scheduler::explain(VmId id, std::uint32_t index, Time now) const {
  const Vm* vm = find(id);
  if (vm == nullptr || index >= vm->vcpus.size()) return {};
  const Vcpu& vcpu = vm->vcpus[index];
  Explanation why{.level = vcpu.level};
  const Claim* claim = vcpu.leader;
  if (claim == nullptr) {
    for (const Claim* c = vcpu.carried; c != nullptr; c = c->next_carried)
      if (claim == nullptr || c->server.replenish() < claim->server.replenish()) claim = c;
    if (claim == nullptr) return why;
    why.replenish = claim->server.replenish();
  }
  const Place place = place_of(*claim, now);
  why.thread = place.thread;
  why.cls = place.cls;
  why.priority = place.priority;
  why.deadline = place.deadline;
  if (vcpu.leader == nullptr) return why;
  if (claim->previous != nullptr) {
    const Place before = place_of(static_cast<const Claim&>(*claim->previous), now);
    why.behind_vm = before.vm;
    why.behind_thread = before.thread;
    why.behind_previous = first_difference(before, place);
  }
  if (const Claim* next = claim->behind(); next != nullptr && !next->server.exhausted()) {
    const Place after = place_of(*next, now);
    why.ahead_vm = after.vm;
    why.ahead_thread = after.thread;
    why.ahead_of_next = first_difference(place, after);
  }
  return why;
}

ClaimView Scheduler::claim_view(VmId id, std::uint32_t thread, Time now) const {
  const Claim* c = find_claim(id, thread);
  if (c == nullptr) return {};
  return {.status = c->server.exhausted() ? CANDOR_CLAIM_EXHAUSTED : CANDOR_CLAIM_ADMITTED,
          .vcpu = c->carrier->index,
          .processor = c->carrier->processor,
          .ppm = c->ppm,
          .period = c->server.terms().period,
          .server_deadline = c->server.server_deadline(now),
          .replenish = c->server.replenish(),
          .active = c->server.active()};
}

void Scheduler::claims_on(std::uint32_t processor, std::vector<ClaimId>& out) const {
  out.clear();
  if (processor >= processors()) return;
  for (const Claim* c = cpus_[processor].first(); c != nullptr; c = c->behind())
    out.push_back({c->vm->id, c->thread, c->carrier->index});
}

std::uint32_t Scheduler::used_ppm(std::uint32_t processor) const {
  return processor < processors() ? cpus_[processor].used_ppm() : 0;
}

}  // namespace candor::sched
