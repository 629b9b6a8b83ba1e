#include "sched/scheduler.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace candor::sched {
namespace {

// True if the change of `a` is to be imposed before that of `b`: whatever has been done by then, no vCPU is
// put below one it precedes.
bool imposed_before(const Vcpu& a, const Vcpu& b, Time now) {
  const bool raised = a.level > a.imposed;
  if (raised != (b.level > b.imposed)) return raised;
  if (a.level != b.level) return (a.level > b.level) == raised;
  if (a.level == 0) return a.vm != b.vm ? a.vm->id < b.vm->id : a.index < b.index;
  // They share a level.
  const bool first = precedes(a.leader->standing, b.leader->standing, now);
  return raised ? first : !first && &a != &b;
}

}  // namespace

Scheduler::Scheduler(std::uint32_t processors, LevelRange levels, Capacity capacity,
                     const ProcessorModel& model)
    : capacity_(capacity),
      pool_(capacity.claims),
      model_(model),
      blocks_(capacity.claims, capacity.processors) {
  const std::uint32_t count = std::clamp(processors, 1u, capacity.processors);
  cpus_.reserve(count);
  for (std::uint32_t p = 0; p < count; ++p) cpus_.emplace_back(levels, model_, blocks_, changed_, demands_);
  available_.resize(count);
  std::iota(available_.begin(), available_.end(), 0u);
  free_.reserve(capacity.claims);
  for (std::size_t i = pool_.size(); i > 0; --i) free_.push_back(&pool_[i - 1]);
  terms_.reserve(capacity.claims + 1);
  units_.reserve(std::max<std::size_t>(kMostPacked + 1, capacity.claims));
  unit_use_.resize(count);
  moves_.reserve(std::max<std::size_t>(kMostPacked, capacity.claims));
  revoked_.reserve(capacity.claims);
  demands_.reserve(capacity.claims);
  vms_.reserve(capacity.vms);
}

Scheduler::~Scheduler() = default;

Vm* Scheduler::find(VmId id) const {
  if (found_ != nullptr && found_->id == id) return found_;
  const auto at = vms_.find(id);
  if (at == vms_.end()) return nullptr;
  found_ = at->second.get();
  return found_;
}

Claim* Scheduler::find_claim(VmId id, std::uint32_t thread) const {
  const Vm* vm = find(id);
  return vm == nullptr || thread >= CANDOR_MAX_THREADS ? nullptr : vm->claims[thread];
}

bool Scheduler::add_vm(VmId id, const Entitlement& e) {
  if (find(id) != nullptr || vms_.size() >= capacity_.vms || e.fair_vcpus > CANDOR_MAX_VCPUS ||
      e.realtime_vcpus > CANDOR_MAX_VCPUS || e.fair_vcpus + e.realtime_vcpus > CANDOR_MAX_VCPUS ||
      e.max_priority > 99)
    return false;
  // The level of each real-time vCPU may change in one decision.
  changed_.reserve(realtime_vcpus_ + e.realtime_vcpus);
  changes_.reserve(realtime_vcpus_ + e.realtime_vcpus);
  realtime_vcpus_ += e.realtime_vcpus;
  auto vm = std::make_unique<Vm>();
  vm->id = id;
  vm->entitlement = e;
  vm->vcpus.resize(e.fair_vcpus + e.realtime_vcpus);
  vm->published.resize(vm->vcpus.size());
  vm->unclaimed.resize(CANDOR_MAX_THREADS);
  for (std::uint32_t v = 0; v < vm->vcpus.size(); ++v) {
    vm->vcpus[v].vm = vm.get();
    vm->vcpus[v].index = v;
    vm->vcpus[v].realtime = v >= e.fair_vcpus;
  }
  vms_.emplace(id, std::move(vm));
  return true;
}

void Scheduler::remove_vm(VmId id, Time now) {
  Vm* vm = find(id);
  if (vm == nullptr) return;
  for (Claim* claim : vm->claims)
    if (claim != nullptr) drop(claim, now);
  for (Vcpu& vcpu : vm->vcpus)
    if (vcpu.realtime && vcpu.processor != kNone) cpus_[vcpu.processor].forget(vcpu);
  realtime_vcpus_ -= vm->entitlement.realtime_vcpus;
  found_ = nullptr;
  vms_.erase(id);
}

const Entitlement* Scheduler::entitlement(VmId id) const {
  const Vm* vm = find(id);
  return vm == nullptr ? nullptr : &vm->entitlement;
}

void Scheduler::sort_by_use() {
  std::sort(available_.begin(), available_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return used_ppm(a) != used_ppm(b) ? used_ppm(a) < used_ppm(b) : a < b;
  });
}

bool Scheduler::fits(std::uint32_t processor, const Terms& terms) const {
  terms_.clear();
  for (const Claim* c = cpus_[processor].first(); c != nullptr; c = c->behind())
    terms_.push_back(c->server.terms());
  terms_.push_back(terms);
  return processor_holds(terms_, model_);
}

void Scheduler::drop(Claim* claim, Time now) {
  Vm& vm = *claim->vm;
  Vcpu& vcpu = *claim->carrier;
  vm.claims[claim->thread] = nullptr;
  vm.used_ppm -= claim->ppm;
  note_gone(*claim, now);
  Claim** link = &vcpu.carried;
  while (*link != claim) link = &(*link)->next_carried;
  *link = claim->next_carried;
  vcpu.load_ppm -= claim->ppm;
  --vcpu.claims;
  cpus_[vcpu.processor].remove(*claim);
  *claim = Claim{};
  free_.push_back(claim);
}

Answer Scheduler::claim(VmId id, std::uint32_t thread, const ClaimRequest& request, Time now) {
  Vm* vm = find(id);
  if (vm == nullptr || thread >= CANDOR_MAX_THREADS)
    return {.status = CANDOR_CLAIM_REFUSED, .reason = CANDOR_REFUSED_INVALID};
  std::uint32_t previous = kNone;
  if (Claim* old = vm->claims[thread]; old != nullptr) {
    previous = old->carrier->index;
    drop(old, now);
  }
  if (request.cls != CANDOR_CLASS_DEADLINE && request.cls != CANDOR_CLASS_FIXED) {
    const bool plain = request.cls == CANDOR_CLASS_NONE || request.cls == CANDOR_CLASS_FAIR ||
                       request.cls == CANDOR_CLASS_BACKGROUND;
    if (plain) return {};
    return {.status = CANDOR_CLAIM_REFUSED, .reason = CANDOR_REFUSED_INVALID};
  }
  moves_.clear();
  const auto terms = check_request(request, model_);
  if (!terms.ok()) return {.status = CANDOR_CLAIM_REFUSED, .reason = terms.error()};
  return admit(*vm, thread, *terms, previous, now);
}

Answer Scheduler::admit(Vm& vm, std::uint32_t thread, const Terms& terms, std::uint32_t previous, Time now) {
  const auto refused = [](candor_refusal reason, std::uint32_t fits_ppm = 0) {
    return Answer{.status = CANDOR_CLAIM_REFUSED, .reason = reason, .fits_ppm = fits_ppm};
  };
  const Entitlement& e = vm.entitlement;
  if (e.bandwidth_ppm == 0) return refused(CANDOR_REFUSED_NO_ENTITLEMENT);
  if (terms.cls == CANDOR_CLASS_FIXED && terms.priority > e.max_priority)
    return refused(CANDOR_REFUSED_PRIORITY);
  const std::uint32_t ppm = bandwidth_of(terms);
  const std::uint32_t left = e.bandwidth_ppm > vm.used_ppm ? e.bandwidth_ppm - vm.used_ppm : 0;
  if (ppm > left) return refused(CANDOR_REFUSED_BANDWIDTH, std::min(left, model_.limit_ppm));
  if (e.realtime_vcpus == 0 || free_.empty()) return refused(CANDOR_REFUSED_NO_VCPU);

  // A free vCPU, the one it had before if that is free, else the lowest number.
  std::uint32_t vcpu = kNone;
  for (std::uint32_t v = e.fair_vcpus; v < vm.vcpus.size(); ++v) {
    if (vm.vcpus[v].claims != 0) continue;
    if (vcpu == kNone || v == previous) vcpu = v;
  }
  std::uint32_t processor = kNone;
  std::uint32_t fits_ppm = 0;
  if (vcpu != kNone) {
    // Worst fit: the emptiest processor that holds it, so that claims of
    // different VMs meet on one processor, and must ring, as late as possible.
    sort_by_use();
    for (const std::uint32_t p : available_) {
      fits_ppm = std::max(fits_ppm, model_.limit_ppm - used_ppm(p));
      if (!fits(p, terms)) continue;
      processor = p;
      break;
    }
    if (processor == kNone) processor = repack(terms, now);
  } else {
    // More claims than vCPUs: share the least loaded one whose processor holds it.
    for (std::uint32_t v = e.fair_vcpus; v < vm.vcpus.size(); ++v) {
      const Vcpu& candidate = vm.vcpus[v];
      fits_ppm = std::max(fits_ppm, model_.limit_ppm - used_ppm(candidate.processor));
      if (vcpu != kNone && candidate.load_ppm >= vm.vcpus[vcpu].load_ppm) continue;
      if (!fits(candidate.processor, terms)) continue;
      vcpu = v;
      processor = candidate.processor;
    }
  }
  if (processor == kNone) return refused(CANDOR_REFUSED_PROCESSOR, std::min(fits_ppm, left));

  // Everything is decided; from here on nothing fails.
  Vcpu& carrier = vm.vcpus[vcpu];
  if (carrier.processor != processor) {  // it carries nothing, but may have a level from where it was
    if (carrier.processor != kNone) cpus_[carrier.processor].forget(carrier);
    carrier.processor = processor;
  }
  Claim* claim = free_.back();
  free_.pop_back();
  claim->vm = &vm;
  claim->carrier = &carrier;
  claim->thread = thread;
  claim->ppm = ppm;
  claim->server = ClaimServer(terms, now);
  const bool pays = vm.gone_until > now && vm.used_ppm + vm.gone_ppm + ppm > e.bandwidth_ppm;
  claim->next_carried = std::exchange(carrier.carried, claim);
  ++carrier.claims;
  carrier.load_ppm += ppm;
  vm.used_ppm += ppm;
  vm.claims[thread] = claim;
  cpus_[processor].add(*claim, now, pays ? vm.gone_until : Time{});
  return {.status = CANDOR_CLAIM_ADMITTED, .vcpu = vcpu, .processor = processor};
}

void Scheduler::release(VmId id, std::uint32_t thread, Time now) {
  if (Claim* claim = find_claim(id, thread)) drop(claim, now);
}

void Scheduler::publish(VmId id, std::uint32_t thread, const JobReport& job, Time now) {
  Claim* claim = find_claim(id, thread);
  if (claim == nullptr) return;
  claim->server.advance(now);
  claim->server.report(job, now);
  cpus_[claim->carrier->processor].touch(*claim);
}

void Scheduler::publish_unclaimed(VmId id, std::uint32_t thread, candor_class cls, const JobReport& job) {
  Vm* vm = find(id);
  if (vm == nullptr || thread >= CANDOR_MAX_THREADS || vm->claims[thread] != nullptr) return;
  vm->unclaimed[thread] = {.cls = cls, .job = job};
}

void Scheduler::publish_vcpu(VmId id, std::uint32_t vcpu, const VcpuReport& report) {
  Vm* vm = find(id);
  if (vm == nullptr || vcpu >= vm->vcpus.size()) return;
  PublishedVcpu& v = vm->published[vcpu];
  v.state = report.state;
  v.running = report.running;
  v.next_timer = report.next_timer;
  v.ready_count = static_cast<std::uint32_t>(std::min<std::size_t>(report.ready.size(), CANDOR_MAX_READY));
  std::copy_n(report.ready.begin(), v.ready_count, v.ready.begin());
}

void Scheduler::place_fair(VmId id, std::uint32_t vcpu, std::uint32_t processor) {
  Vm* vm = find(id);
  if (vm == nullptr || vcpu >= vm->vcpus.size() || vm->vcpus[vcpu].realtime) return;
  vm->vcpus[vcpu].processor = processor < processors() ? processor : kNone;
}

void Scheduler::charge(VmId id, std::uint32_t vcpu, Duration total, Time now) {
  Vm* vm = find(id);
  if (vm == nullptr || vcpu >= vm->vcpus.size() || !vm->vcpus[vcpu].realtime) return;
  Vcpu& v = vm->vcpus[vcpu];
  const Duration used = v.charged ? std::max(total - v.total, Duration{0}) : Duration{0};
  v.total = v.charged ? std::max(total, v.total) : total;
  v.charged = true;
  Claim* bearer = v.carried;
  for (Claim* c = bearer; c != nullptr; c = c->next_carried) {
    const auto worth = [](const Claim& of) { return !of.server.exhausted() && of.server.active(); };
    if (c != bearer &&
        (worth(*c) != worth(*bearer) ? worth(*c) : precedes(standing_of(*c), standing_of(*bearer), now)))
      bearer = c;
  }
  // The others too, with nothing: their clock of charges moves on as well.
  for (Claim* c = v.carried; c != nullptr; c = c->next_carried) {
    Processor& cpu = cpus_[v.processor];
    c->server.charge(c == bearer ? used : Duration{0}, now, cpu.missed_look(*c, now));
    cpu.touch(*c);
  }
}

void Scheduler::charge_borrowed(VmId id, std::uint32_t thread, Duration used, Time now) {
  Claim* claim = find_claim(id, thread);
  if (claim == nullptr) return;
  claim->server.charge_borrowed(used, now);
  cpus_[claim->carrier->processor].touch(*claim);
}

Decision Scheduler::decide(std::uint32_t processor, Time now) {
  changed_.clear();
  changes_.clear();
  if (processor >= processors()) return {};
  const Time next = cpus_[processor].decide(now);
  for (Levelled* l : changed_) l->noted = false;
  std::sort(changed_.begin(), changed_.end(), [&](const Levelled* a, const Levelled* b) {
    return imposed_before(static_cast<const Vcpu&>(*a), static_cast<const Vcpu&>(*b), now);
  });
  for (Levelled* l : changed_) {
    Vcpu& vcpu = static_cast<Vcpu&>(*l);
    if (vcpu.level == vcpu.imposed) continue;
    vcpu.imposed = vcpu.level;
    changes_.push_back({.vm = vcpu.vm->id, .vcpu = vcpu.index, .level = vcpu.level});
  }
  return {.changes = changes_, .next = next};
}

}  // namespace candor::sched
