// A processor that the host is deprived of while claims are served there: taken offline, or out of its
// cpuset.
//
//  L1  Its vCPUs go, largest first, each to the emptiest processor that holds it. Nobody else is moved; what
//      comes is new there (changes.cc, C1).
//  L2  A job under way has no budget where it goes (server.h, S13): it is due sooner there than admission's
//      tests have it. It has the slack that the others leave, and stands behind them. From its next release
//      on its claim is served as before. So a loss costs whom it moves a job, or few, and others nothing.
//  L3  Claims of a vCPU that no processor holds are given up.
#include <algorithm>

#include "sched/scheduler.h"

namespace candor::sched {

std::span<const Scheduler::ClaimId> Scheduler::lose_processor(std::uint32_t processor, Time now) {
  moves_.clear();
  revoked_.clear();
  if (std::erase(available_, processor) == 0) return {};
  units_.clear();
  for (Claim* c = cpus_[processor].first(); c != nullptr; c = c->behind()) {
    c->server.advance(now);
    c->server.forfeit();
    if (c->carrier->carried == c) units_.push_back({.vcpu = c->carrier, .use_ppm = c->carrier->load_ppm});
  }
  std::sort(units_.begin(), units_.end(), [](const Unit& a, const Unit& b) {
    if (a.use_ppm != b.use_ppm) return a.use_ppm > b.use_ppm;
    return a.vcpu->vm->id != b.vcpu->vm->id ? a.vcpu->vm->id < b.vcpu->vm->id : a.vcpu->index < b.vcpu->index;
  });
  for (const Unit& u : units_) {
    sort_by_use();
    const auto at =
        std::find_if(available_.begin(), available_.end(), [&](std::uint32_t p) { return fits(p, *u.vcpu); });
    if (at == available_.end()) {
      while (Claim* c = u.vcpu->carried) {
        revoked_.push_back({.vm = c->vm->id, .thread = c->thread, .vcpu = u.vcpu->index});
        drop(c, now);
      }
      continue;
    }
    moves_.push_back({.vm = u.vcpu->vm->id, .vcpu = u.vcpu->index, .from = processor, .to = *at});
    put_on(*u.vcpu, take_off(*u.vcpu), *at, now);
  }
  return revoked_;
}

void Scheduler::regain_processor(std::uint32_t processor) {
  if (processor >= processors() ||
      std::find(available_.begin(), available_.end(), processor) != available_.end())
    return;
  available_.push_back(processor);
}

bool Scheduler::fits(std::uint32_t processor, const Vcpu& vcpu) const {
  terms_.clear();
  for (const Claim* c = cpus_[processor].first(); c != nullptr; c = c->behind())
    terms_.push_back(c->server.terms());
  for (const Claim* c = vcpu.carried; c != nullptr; c = c->next_carried) terms_.push_back(c->server.terms());
  return processor_holds(terms_, model_);
}

}  // namespace candor::sched
