#include "guest/claim.h"

namespace candor {
namespace kernel {
namespace {

std::atomic<std::uint32_t> slots_used{0};

Claim ask_host(const ThreadControl& t, std::uint32_t& vcpu) {
  const std::uint32_t serial = peek(thread_slot(t.slot).serial);
  call_host(CANDOR_CALL_CLAIM, t.slot, CANDOR_CLAIM_WRITTEN);
  const candor_host_thread& answer = host_thread(t.slot);
  // Whatever the call returned, the answer is what counts; without one there is nobody to honour the claim.
  if (peek(answer.answered) != serial) return {CANDOR_CLAIM_REFUSED, CANDOR_REFUSED_NO_SCHEDULER, 0};
  vcpu = peek(answer.vcpu);
  return {peek(answer.status), peek(answer.reason), peek(answer.fits_ppm)};
}

}  // namespace

void allocate_slot(ThreadControl& t) {
  const std::uint32_t slots =
      host_page().thread_slots < CANDOR_MAX_THREADS ? host_page().thread_slots : CANDOR_MAX_THREADS;
  const std::uint32_t slot = slots_used.fetch_add(1, std::memory_order_relaxed);
  if (slot < slots) {
    t.slot = slot;
    t.stats = &stats_slot(slot);
  } else {
    slots_used.store(slots, std::memory_order_relaxed);
    t.stats = new candor_thread_stats{};
  }
}

void write_terms(ThreadControl& t, const Terms& terms) {
  t.terms = terms;
  if (!t.published()) return;
  candor_thread& line = thread_slot(t.slot);
  Publication write(line.serial);
  line.cls = terms.cls;
  line.priority = terms.priority;
  __builtin_memcpy(line.name, t.name, sizeof line.name);
  line.budget_ns = static_cast<std::uint64_t>(terms.budget.ns);
  line.period_ns = static_cast<std::uint64_t>(terms.period.ns);
  line.relative_deadline_ns = static_cast<std::uint64_t>(terms.relative_deadline.ns);
}

Vcpu& claim_and_place(ThreadControl& t) {
  const bool had_claim = t.claim.admitted();
  if (kernel.aware && t.published() && (t.terms.realtime() || had_claim)) {
    std::uint32_t vcpu = 0;
    t.claim = ask_host(t, vcpu);
    if (t.terms.realtime() && t.claim.admitted() && vcpu < kernel.vcpus) return Vcpu::at(vcpu);
  } else if (t.terms.realtime()) {
    t.claim = {CANDOR_CLAIM_REFUSED, kernel.aware ? CANDOR_REFUSED_NO_VCPU : CANDOR_REFUSED_NO_SCHEDULER, 0};
  } else {
    t.claim = {};
  }
  return Vcpu::for_fair_work();
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
    default:
      return "for a reason this guest does not know";
  }
}

}  // namespace candor
