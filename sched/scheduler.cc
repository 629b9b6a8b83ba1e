#include "sched/scheduler.h"

#include <algorithm>
#include <numeric>

namespace candor::sched {

Scheduler::Scheduler(std::uint32_t processors, LevelRange levels, Capacity capacity)
    : range_(levels), capacity_(capacity), pool_(capacity.claims) {
  cpus_.resize(std::clamp(processors, 1u, capacity.processors));
  for (Cpu& cpu : cpus_) cpu.order.reserve(capacity.claims);
  emptiest_.resize(cpus_.size());
  free_.reserve(capacity.claims);
  for (std::size_t i = capacity.claims; i > 0; --i) free_.push_back(&pool_[i - 1]);
  terms_.reserve(capacity.claims + 1);
  // One change for each vCPU that has a claim, and for each that has lost its last.
  changes_.reserve(capacity.claims + std::size_t{capacity.vms} * CANDOR_MAX_VCPUS);
  ranked_.reserve(capacity.claims);
  ranked_ids_.reserve(capacity.claims);
  levels_.reserve(capacity.claims);
  demands_.reserve(capacity.claims);
  vms_.reserve(capacity.vms);
}

Scheduler::~Scheduler() = default;

Scheduler::Vm* Scheduler::find(VmId id) const {
  const auto at =
      std::lower_bound(vms_.begin(), vms_.end(), id, [](const auto& vm, VmId i) { return vm->id < i; });
  return at != vms_.end() && (*at)->id == id ? at->get() : nullptr;
}

bool Scheduler::add_vm(VmId id, const Entitlement& e) {
  if (find(id) != nullptr || vms_.size() >= capacity_.vms || e.fair_vcpus > CANDOR_MAX_VCPUS ||
      e.realtime_vcpus > CANDOR_MAX_VCPUS || e.fair_vcpus + e.realtime_vcpus > CANDOR_MAX_VCPUS ||
      e.max_priority > 99)
    return false;
  auto vm = std::make_unique<Vm>();
  vm->id = id;
  vm->entitlement = e;
  vm->vcpus.resize(e.fair_vcpus + e.realtime_vcpus);
  for (std::uint32_t v = e.fair_vcpus; v < vm->vcpus.size(); ++v) vm->vcpus[v].realtime = true;
  const auto at =
      std::lower_bound(vms_.begin(), vms_.end(), id, [](const auto& o, VmId i) { return o->id < i; });
  vms_.insert(at, std::move(vm));
  return true;
}

void Scheduler::remove_vm(VmId id) {
  Vm* vm = find(id);
  if (vm == nullptr) return;
  for (Claim* claim : vm->claims)
    if (claim != nullptr) drop(claim);
  std::erase_if(vms_, [&](const auto& o) { return o.get() == vm; });
}

const Entitlement* Scheduler::entitlement(VmId id) const {
  const Vm* vm = find(id);
  return vm == nullptr ? nullptr : &vm->entitlement;
}

bool Scheduler::fits(std::uint32_t processor, const Terms& terms) const {
  terms_.clear();
  for (const Claim* claim : cpus_[processor].order) terms_.push_back(claim->server.terms());
  terms_.push_back(terms);
  return processor_holds(terms_);
}

void Scheduler::drop(Claim* claim) {
  Vm& vm = *claim->vm;
  Vcpu& vcpu = vm.vcpus[claim->vcpu];
  vm.claims[claim->thread] = nullptr;
  vm.used_ppm -= claim->ppm;
  vcpu.load_ppm -= claim->ppm;
  --vcpu.claims;
  Cpu& cpu = cpus_[vcpu.processor];
  std::erase(cpu.order, claim);
  cpu.has_leftovers = true;
  *claim = Claim{};
  free_.push_back(claim);
}

Answer Scheduler::claim(VmId id, std::uint32_t thread, const ClaimRequest& request, Time now) {
  Vm* vm = find(id);
  if (vm == nullptr || thread >= CANDOR_MAX_THREADS)
    return {.status = CANDOR_CLAIM_REFUSED, .reason = CANDOR_REFUSED_INVALID};
  std::uint32_t previous = kNone;
  if (Claim* old = vm->claims[thread]; old != nullptr) {
    previous = old->vcpu;
    drop(old);
  }
  if (request.cls != CANDOR_CLASS_DEADLINE && request.cls != CANDOR_CLASS_FIXED) {
    const bool plain = request.cls == CANDOR_CLASS_NONE || request.cls == CANDOR_CLASS_FAIR ||
                       request.cls == CANDOR_CLASS_BACKGROUND;
    if (plain) return {};
    return {.status = CANDOR_CLAIM_REFUSED, .reason = CANDOR_REFUSED_INVALID};
  }
  const auto terms = check_request(request);
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
  if (ppm > left) return refused(CANDOR_REFUSED_BANDWIDTH, std::min(left, kProcessorLimitPpm));
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
    std::iota(emptiest_.begin(), emptiest_.end(), 0u);
    std::sort(emptiest_.begin(), emptiest_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return used_ppm(a) != used_ppm(b) ? used_ppm(a) < used_ppm(b) : a < b;
    });
    for (const std::uint32_t p : emptiest_) {
      fits_ppm = std::max(fits_ppm, kProcessorLimitPpm - used_ppm(p));
      if (!fits(p, terms)) continue;
      processor = p;
      break;
    }
  } else {
    // More claims than vCPUs: share the least loaded one whose processor holds it.
    for (std::uint32_t v = e.fair_vcpus; v < vm.vcpus.size(); ++v) {
      const Vcpu& candidate = vm.vcpus[v];
      fits_ppm = std::max(fits_ppm, kProcessorLimitPpm - used_ppm(candidate.processor));
      if (vcpu != kNone && candidate.load_ppm >= vm.vcpus[vcpu].load_ppm) continue;
      if (!fits(candidate.processor, terms)) continue;
      vcpu = v;
      processor = candidate.processor;
    }
  }
  if (processor == kNone) return refused(CANDOR_REFUSED_PROCESSOR, std::min(fits_ppm, left));

  // Everything is decided; from here on nothing fails.
  Vcpu& carrier = vm.vcpus[vcpu];
  if (carrier.claims == 0 && carrier.processor != processor) {
    carrier.processor = processor;
    cpus_[processor].has_leftovers = true;  // it may come with a level from the processor it had
  }
  Claim* claim = free_.back();
  free_.pop_back();
  *claim = Claim{.vm = &vm, .thread = thread, .vcpu = vcpu, .ppm = ppm, .server = ClaimServer(terms, now)};
  ++carrier.claims;
  carrier.load_ppm += ppm;
  vm.used_ppm += ppm;
  vm.claims[thread] = claim;
  cpus_[processor].order.push_back(claim);
  return {.status = CANDOR_CLAIM_ADMITTED, .vcpu = vcpu, .processor = processor};
}

void Scheduler::release(VmId id, std::uint32_t thread) {
  Vm* vm = find(id);
  if (vm != nullptr && thread < CANDOR_MAX_THREADS && vm->claims[thread] != nullptr) drop(vm->claims[thread]);
}

void Scheduler::publish(VmId id, std::uint32_t thread, const JobReport& job, Time now) {
  Vm* vm = find(id);
  if (vm == nullptr || thread >= CANDOR_MAX_THREADS || vm->claims[thread] == nullptr) return;
  ClaimServer& server = vm->claims[thread]->server;
  server.advance(now);
  server.report(job, now);
}

void Scheduler::publish_unclaimed(VmId id, std::uint32_t thread, candor_class cls, const JobReport& job) {
  Vm* vm = find(id);
  if (vm == nullptr || thread >= CANDOR_MAX_THREADS || vm->claims[thread] != nullptr) return;
  vm->unclaimed[thread] = {.cls = cls, .job = job};
}

void Scheduler::publish_vcpu(VmId id, std::uint32_t vcpu, const VcpuReport& report) {
  Vm* vm = find(id);
  if (vm == nullptr || vcpu >= vm->vcpus.size()) return;
  Vcpu& v = vm->vcpus[vcpu];
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
  Claim* bearer = nullptr;
  for (Claim* claim : vm->claims) {
    if (claim == nullptr || claim->vcpu != vcpu) continue;
    const auto worth = [](const Claim* c) { return !c->server.exhausted() && c->server.active(); };
    if (bearer == nullptr || (worth(claim) && !worth(bearer)) ||
        (worth(claim) == worth(bearer) && precedes(claim, bearer, now)))
      bearer = claim;
  }
  // The others too, with nothing: their clock of charges moves on as well.
  for (Claim* claim : vm->claims)
    if (claim != nullptr && claim->vcpu == vcpu)
      claim->server.charge(claim == bearer ? used : Duration{0}, now);
}

void Scheduler::charge_borrowed(VmId id, std::uint32_t thread, Duration used, Time now) {
  Vm* vm = find(id);
  if (vm == nullptr || thread >= CANDOR_MAX_THREADS || vm->claims[thread] == nullptr) return;
  vm->claims[thread]->server.charge_borrowed(used, now);
}

Place Scheduler::place_of(const Claim& c, Time now) const {
  const Terms& t = c.server.terms();
  return {.overdrawn = c.server.overdrawn(),
          .cls = t.cls,
          .priority = t.priority,
          .deadline = c.server.effective_deadline(now),
          .remaining = c.server.remaining(),
          .vm = c.vm->id,
          .thread = c.thread};
}

bool Scheduler::precedes(const Claim* a, const Claim* b, Time now) const {
  if (a->server.exhausted() != b->server.exhausted()) return b->server.exhausted();  // O5, the latter part
  return before(place_of(*a, now), place_of(*b, now));
}

// An overdrawn claim keeps its place while the others can spare it (slack.h): one at a time, the first
// that is not late already. Where fixed claims come behind it none is given: their test (admission.h, A4)
// has no slack that could be told.
void Scheduler::extend_overdrawn(const Cpu& cpu, Time now) {
  if (cpu.order.size() == 1) return;
  Claim* first = nullptr;
  Time deadline = Time::never();
  for (Claim* claim : cpu.order) {
    const ClaimServer& server = claim->server;
    if (server.terms().cls != CANDOR_CLASS_DEADLINE) return;
    const Time due = server.server_deadline(now);
    if (!server.overdrawn() || !server.active() || due <= now || due >= deadline) continue;
    first = claim;
    deadline = due;
  }
  if (first == nullptr) return;
  demands_.clear();
  for (const Claim* claim : cpu.order) demands_.push_back(claim->server.demand(now));
  first->server.extend(slack(demands_, now, deadline));
}

Decision Scheduler::decide(std::uint32_t processor, Time now) {
  changes_.clear();
  if (processor >= processors()) return {};
  Cpu& cpu = cpus_[processor];
  for (Claim* claim : cpu.order) claim->server.advance(now);
  extend_overdrawn(cpu, now);
  std::sort(cpu.order.begin(), cpu.order.end(),
            [&](const Claim* a, const Claim* b) { return precedes(a, b, now); });

  // The rank of a vCPU is that of its first claim.
  for (Claim* claim : cpu.order) claim->vm->vcpus[claim->vcpu].rank = 0;
  ranked_.clear();
  ranked_ids_.clear();
  levels_.clear();
  for (const Claim* claim : cpu.order) {
    Vcpu& vcpu = claim->vm->vcpus[claim->vcpu];
    if (claim->server.exhausted() || vcpu.rank != 0) continue;
    ranked_.push_back(&vcpu);
    ranked_ids_.push_back({.vm = claim->vm->id, .vcpu = claim->vcpu});
    levels_.push_back(vcpu.level);
    vcpu.rank = static_cast<std::uint32_t>(ranked_.size());
  }
  assign_levels(levels_, range_);
  for (std::size_t i = 0; i < ranked_.size(); ++i) {
    if (levels_[i] == ranked_[i]->level) continue;
    ranked_ids_[i].level = levels_[i];
    if (levels_[i] > ranked_[i]->level) changes_.push_back(ranked_ids_[i]);
  }
  for (std::size_t i = 0; i < ranked_.size(); ++i)
    if (levels_[i] < ranked_[i]->level) changes_.push_back(ranked_ids_[i]);
  for (std::size_t i = 0; i < ranked_.size(); ++i) ranked_[i]->level = levels_[i];

  // vCPUs whose claims are all exhausted, and those left without a claim.
  const auto lower = [&](Vm& vm, std::uint32_t v) {
    Vcpu& vcpu = vm.vcpus[v];
    if (vcpu.rank != 0 || vcpu.level == 0) return;
    vcpu.level = 0;
    changes_.push_back({.vm = vm.id, .vcpu = v, .level = 0});
  };
  for (const Claim* claim : cpu.order) lower(*claim->vm, claim->vcpu);
  if (cpu.has_leftovers) {
    for (const auto& vm : vms_)
      for (std::uint32_t v = vm->entitlement.fair_vcpus; v < vm->vcpus.size(); ++v) {
        Vcpu& vcpu = vm->vcpus[v];
        if (vcpu.processor != processor || vcpu.claims != 0) continue;
        vcpu.rank = 0;
        lower(*vm, v);
      }
    cpu.has_leftovers = false;
  }

  Time next = Time::never();
  Duration ahead;  // a claim uses nothing while those before it run
  for (std::size_t i = 0; i < cpu.order.size(); ++i) {
    ClaimServer& server = cpu.order[i]->server;
    next = std::min(next, server.next_look(now, cpu.order.size() == 1, ahead));
    if (server.active() && !server.exhausted()) ahead += server.left();
    // The deadline of a blocked claim moves with time: look again when it
    // would fall behind the next one that stands still.
    if (!server.blocked() || server.exhausted() || i + 1 == cpu.order.size()) continue;
    const ClaimServer& behind = cpu.order[i + 1]->server;
    if (behind.blocked() || behind.exhausted() || behind.overdrawn() || server.overdrawn() ||
        server.terms().cls != CANDOR_CLASS_DEADLINE || behind.terms().cls != CANDOR_CLASS_DEADLINE)
      continue;
    const Time overtaken = behind.effective_deadline(now) - server.terms().relative_deadline;
    if (overtaken > now) next = std::min(next, overtaken + nanoseconds(1));
  }
  return {.changes = changes_, .next = next};
}

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
  view.rank = vcpu.realtime ? vcpu.rank : 0;
  // A real-time vCPU is told of claims only: fair work never keeps it waiting.
  // That also keeps this off the list of all vCPUs on the decision path.
  view.sole = vcpu.realtime ? 0 : 1;
  for (const auto& other : vms_) {
    if (vcpu.realtime) break;
    for (const Vcpu& o : other->vcpus) {
      if (&o == &vcpu || !uses(o, vcpu.processor)) continue;
      if (other.get() != vm) view.sole = 0;
      const bool busy = o.state == CANDOR_VCPU_RUNNING;
      if (busy && other.get() != vm) view.wanted = 1;
      if (!o.realtime)
        view.waiting_key = std::min(view.waiting_key, busy ? now : std::max(o.next_timer, now));
    }
  }
  bool own_active = false;
  bool before_own = true;
  for (std::uint32_t p = 0; p < processors(); ++p) {
    if (vcpu.processor != kNone && vcpu.processor != p) continue;
    std::uint32_t carriers = 0;
    bool earlier_active = false;
    for (const Claim* claim : cpus_[p].order) {
      const bool own = claim->vm == vm && claim->vcpu == index;
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
    if (vcpu.realtime && vcpu.claims > 0 && cpus_[p].order.size() > 1) view.ring_at_job_end = 1;
    if (!vcpu.realtime && carriers > 0 && earlier_active && vcpu.processor != kNone) view.preempted = 1;
  }
  return view;
}

ClaimView Scheduler::claim_view(VmId id, std::uint32_t thread, Time now) const {
  const Vm* vm = find(id);
  if (vm == nullptr || thread >= CANDOR_MAX_THREADS || vm->claims[thread] == nullptr) return {};
  const Claim& c = *vm->claims[thread];
  return {.status = c.server.exhausted() ? CANDOR_CLAIM_EXHAUSTED : CANDOR_CLAIM_ADMITTED,
          .vcpu = c.vcpu,
          .processor = vm->vcpus[c.vcpu].processor,
          .ppm = c.ppm,
          .period = c.server.terms().period,
          .server_deadline = c.server.server_deadline(now),
          .replenish = c.server.replenish(),
          .active = c.server.active()};
}

void Scheduler::claims_on(std::uint32_t processor, std::vector<ClaimId>& out) const {
  out.clear();
  if (processor >= processors()) return;
  for (const Claim* c : cpus_[processor].order) out.push_back({c->vm->id, c->thread, c->vcpu});
}

std::uint32_t Scheduler::used_ppm(std::uint32_t processor) const {
  std::uint32_t sum = 0;
  if (processor < processors())
    for (const Claim* claim : cpus_[processor].order) sum += claim->ppm;
  return sum;
}

}  // namespace candor::sched
