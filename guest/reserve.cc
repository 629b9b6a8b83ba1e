// Claims that no host serves: the guest admits and enforces them itself.
#include "guest/claim.h"

namespace candor::kernel {

bool guest_serves_claims() {
  return !kernel.host_serves_claims;
}

void give_back_reserve(ThreadControl& t) {
  if (t.reserved_on != nullptr) t.reserved_on->room().give_back(t.reserved_ppm);
  t.reserved_on = nullptr;
  t.reserved_ppm = 0;
  t.reserve = Reserve();
}

bool move_reserve(ThreadControl& t, Vcpu& to) {
  if (t.reserved_on == &to) return true;
  if (!to.room().take(t.reserved_ppm)) return false;
  t.reserved_on->room().give_back(t.reserved_ppm);
  t.reserved_on = &to;
  return true;
}

Vcpu& admit_and_place(ThreadControl& t) {
  give_back_reserve(t);
  t.claim = {};
  if (!t.terms.realtime()) return Vcpu::for_fair_work(t);
  t.claim = {CANDOR_CLAIM_REFUSED, CANDOR_REFUSED_INVALID, 0};
  if (contradicts_itself(t.terms)) return Vcpu::for_fair_work(t);
  // Worst fit: so reserves are spread, and what is left for others on each vCPU is as much as possible.
  const std::uint32_t ppm = taken_ppm(t.terms);
  for (;;) {
    Vcpu* best = &Vcpu::for_fair_work(t);  // any that its terms permit
    for (std::uint32_t i = 0; i < kernel.fair_vcpus; i++)
      if (t.may_run_on(i) && Vcpu::at(i).room().left_ppm() > best->room().left_ppm()) best = &Vcpu::at(i);
    const std::uint32_t left = best->room().left_ppm();
    if (ppm > left) {
      t.claim = {CANDOR_CLAIM_REFUSED, CANDOR_REFUSED_BANDWIDTH, left};
      return Vcpu::for_fair_work(t);
    }
    if (!best->room().take(ppm)) continue;  // another vCPU was quicker
    t.claim = {CANDOR_CLAIM_ADMITTED, CANDOR_REFUSED_NOT, 0};
    t.reserved_on = best;
    t.reserved_ppm = ppm;
    const Time begin = now();
    t.reserve = Reserve(t.terms.budget + t.terms.blocking, t.terms.period, begin, t.cpu.used(begin));
    return *best;
  }
}

Rank rank_of(const ThreadControl& t) {
  const Terms& terms = t.terms;
  if (t.reserve.exhausted()) return Rank::fair();
  switch (terms.cls) {
    case CANDOR_CLASS_DEADLINE:
    case CANDOR_CLASS_FIXED:
      // Refused by the guest itself: as real-time work it would take what others have been promised. A
      // fixed thread that asks for no reserve is as everywhere else.
      if (guest_serves_claims() && !t.reserve.active() && terms.period.ns > 0) return Rank::fair();
      break;
    case CANDOR_CLASS_BACKGROUND:
      return Rank::background();
    default:
      return Rank::fair();
  }
  if (terms.cls == CANDOR_CLASS_FIXED) return Rank::fixed(terms.priority);
  const Duration relative = terms.relative_deadline.ns > 0 ? terms.relative_deadline : terms.period;
  const bool has_job = t.grid.active() && t.job_deadline != Time::never();
  // Until its first job it has the deadline that a job released now would have.
  if (!t.reserve.active()) return Rank::deadline(has_job ? t.job_deadline : now() + relative);
  const Time earliest = t.reserve.begin() + relative;
  return Rank::deadline(has_job && t.job_deadline > earliest ? t.job_deadline : earliest);
}

void Vcpu::stand_by_reserve(ThreadControl& thread) {
  set_base_rank(thread, rank_of(thread));
  if (!thread.runnable) return;
  timers_.remove(&thread);
  // While it is ready nothing else wakes it by the clock.
  thread.wake_at = thread.reserve.exhausted() ? thread.reserve.replenish() : Time::never();
  if (thread.wake_at != Time::never()) timers_.insert(&thread);
}

void Vcpu::look_at_reserve(ThreadControl& thread, Time t) {
  if (thread.reserve.advance(t, thread.cpu.used(t))) stand_by_reserve(thread);
}

}  // namespace candor::kernel
