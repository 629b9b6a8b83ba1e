// What guests and people are told of the scheduler's state: VcpuView, ClaimView. Reads only.
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
  bool own_active = false;
  bool before_own = true;
  for (std::uint32_t p = 0; p < processors(); ++p) {
    if (vcpu.processor != kNone && vcpu.processor != p) continue;
    std::uint32_t carriers = 0;
    bool earlier_active = false;
    for (const Claim* claim = cpus_[p].first(); claim != nullptr; claim = claim->behind()) {
      const bool own = claim->carrier == &vcpu;
      if (own) {
        own_active |= claim->server.active() && !claim->server.exhausted();
        before_own = false;
        continue;
      }
      ++carriers;
      if (before_own && claim->server.active() && !claim->server.exhausted()) earlier_active = true;
      const Time from = claim->server.active() ? now : std::max(claim->server.release(now), now);
      view.waiting_key = std::min(view.waiting_key, from);
      if (claim->server.active() && claim->vm != vm) view.wanted = 1;
    }
    if (vcpu.realtime && own_active && earlier_active) view.preempted = 1;
    if (vcpu.realtime && vcpu.claims > 0 && cpus_[p].size() > 1) view.ring_at_job_end = 1;
    if (!vcpu.realtime && carriers > 0 && earlier_active && vcpu.processor != kNone) view.preempted = 1;
  }
  return view;
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
