#include "guest/claim.h"

namespace candor {
namespace kernel {
namespace {

static_assert(CANDOR_MAX_THREADS <= 64);
std::atomic<std::uint64_t> slots_in_use{0};

/// What the summary of the run should tell of a thread even after its end.
bool has_counts(const candor_thread_stats& s) {
  return (s.jobs | s.skipped | s.misses | s.work_units | s.latency_count) != 0;
}

Claim ask_host(ThreadControl& t, std::uint32_t& vcpu) {
  const std::uint32_t serial = peek(thread_slot(t.slot).serial);
  call_host(CANDOR_CALL_CLAIM, t.slot, CANDOR_CLAIM_WRITTEN);
  t.asked = true;
  await_answer(t, peek(host_thread(t.slot).answered) != serial);
  const candor_host_thread& answer = host_thread(t.slot);
  // Whatever the call returned, the answer is what counts; without one there is nobody to honour the claim.
  if (peek(answer.answered) != serial) return {CANDOR_CLAIM_REFUSED, CANDOR_REFUSED_NO_SCHEDULER, 0};
  vcpu = peek(answer.vcpu);
  return {peek(answer.status), peek(answer.reason), peek(answer.fits_ppm)};
}

/// The host is to look at terms that claim nothing any more. Nobody waits for its answer, which a host that
/// is asked often gives late: others on this vCPU would wait, too.
void tell_given_up(ThreadControl& t) {
  if (!t.asked) return;
  t.asked = false;
  call_host(CANDOR_CALL_RING, CANDOR_BELL_SCHED);
}

}  // namespace

void await_answer(ThreadControl& t, bool awaited) {
  if (awaited == t.awaits_answer) return;
  t.awaits_answer = awaited;
  kernel.answers_awaited.fetch_add(awaited ? 1u : ~0u, std::memory_order_relaxed);
}

void allocate_slot(ThreadControl& t) {
  const std::uint32_t slots =
      host_page().thread_slots < CANDOR_MAX_THREADS ? host_page().thread_slots : CANDOR_MAX_THREADS;
  for (std::uint32_t slot = 0; slot < slots; slot++) {
    if ((slots_in_use.fetch_or(1ull << slot, std::memory_order_acquire) >> slot & 1) != 0) continue;
    t.slot = slot;
    t.stats = &stats_slot(slot);
    return;
  }
  t.stats = new candor_thread_stats{};
}

void give_up_claim(ThreadControl& t) {
  give_back_reserve(t);
  // Once the run is over there is nothing to be had, and the summary shall tell what the thread was.
  if (!t.published() || kernel.stopping.load(std::memory_order_relaxed)) return;
  Terms terms = Terms::fair();
  if (!has_counts(*t.stats)) terms.cls = CANDOR_CLASS_NONE;
  write_terms(t, terms);
  tell_given_up(t);
}

void release_slot(ThreadControl& t) {
  if (!t.published()) {
    delete t.stats;
  } else if (thread_slot(t.slot).cls == CANDOR_CLASS_NONE) {
    slots_in_use.fetch_and(~(1ull << t.slot), std::memory_order_release);
  }
  t.slot = CANDOR_NO_THREAD;
  t.stats = nullptr;
}

void write_terms(ThreadControl& t, const Terms& terms) {
  t.terms = terms;
  if (!t.published()) return;
  await_answer(t, false);  // the host answers what is written last
  candor_thread& line = thread_slot(t.slot);
  Publication write(line.serial);
  line.cls = terms.cls;
  line.priority = terms.priority;
  __builtin_memcpy(line.name, t.name, sizeof line.name);
  line.budget_ns = static_cast<std::uint64_t>(terms.budget.ns);
  line.period_ns = static_cast<std::uint64_t>(terms.period.ns);
  line.relative_deadline_ns = static_cast<std::uint64_t>(terms.relative_deadline.ns);
  line.blocking_ns = static_cast<std::uint64_t>(terms.blocking.ns);
}

namespace {

Vcpu& place(ThreadControl& t) {
  if (guest_serves_claims()) return admit_and_place(t);
  if (kernel.aware && t.published() && t.terms.realtime()) {
    std::uint32_t vcpu = 0;
    t.claim = ask_host(t, vcpu);
    if (t.claim.admitted() && vcpu < kernel.vcpus) return Vcpu::at(vcpu);
  } else if (t.terms.realtime()) {
    t.claim = {CANDOR_CLAIM_REFUSED, kRefusedNoSlot, 0};
  } else {
    t.claim = {};
    tell_given_up(t);
  }
  return Vcpu::for_fair_work(t);
}

}  // namespace

Vcpu& claim_and_place(ThreadControl& t) {
  Vcpu& target = place(t);
  if (t.terms.realtime()) Vcpu::here().trace(CANDOR_TRACE_CLAIM, &t, t.claim.status | t.claim.reason << 8);
  return target;
}

}  // namespace kernel

std::uint32_t entitlement_ppm() {
  return kernel::host_page().bandwidth_ppm;
}

const char* Claim::why() const {
  switch (reason) {
    case CANDOR_REFUSED_NOT:
      return "not refused";
    case CANDOR_REFUSED_NO_ENTITLEMENT:
      return "the VM has no real-time entitlement";
    case CANDOR_REFUSED_BANDWIDTH:
      return "the VM's reserves would exceed its bandwidth";
    case CANDOR_REFUSED_PROCESSOR:
      return "no processor has room for it";
    case CANDOR_REFUSED_PRIORITY:
      return "above the VM's ceiling priority";
    case CANDOR_REFUSED_NO_VCPU:
      return "no real-time vCPU is left";
    case CANDOR_REFUSED_INVALID:
      return "the terms contradict themselves";
    case CANDOR_REFUSED_NO_SCHEDULER:
      return "no host scheduler reads claims";
    case kRefusedNoSlot:
      return "more threads than the host can know, those counted that have ended after jobs or work";
    default:
      return "for a reason this guest does not know";
  }
}

}  // namespace candor
