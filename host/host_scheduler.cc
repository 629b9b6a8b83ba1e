#include "host/host_scheduler.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace candor::host {
namespace {

// What a VM may ask at once and, besides a bell for the end of each job, per
// second. A bell costs about 20 us of a processor that may be another VM's.
constexpr std::int64_t kBellBurst = 128;
constexpr std::int64_t kBellsPerSecond = 100;
// Admission tests are dearer; a guest that changes its claims all the time waits.
constexpr std::int64_t kClaimBurst = 2 * CANDOR_MAX_THREADS;
constexpr std::int64_t kClaimsPerSecond = 20;
constexpr int kClaimsPerVisit = 2;  // then others get a turn: a test may take a millisecond
constexpr Duration kNextVisit = milliseconds(1);

int epoll_change(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return epoll_ctl(epoll, operation, fd, &event) == 0 ? 0 : errno;
}

/// Others ask for nothing: what the thread had claimed before is given up.
bool is_claim(const sched::ClaimRequest& request) {
  return request.cls == CANDOR_CLASS_DEADLINE || request.cls == CANDOR_CLASS_FIXED;
}

sched::Answer refusal(candor_refusal reason) {
  return {.status = CANDOR_CLAIM_REFUSED, .reason = reason};
}

}  // namespace

Time monotonic_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return {seconds(t.tv_sec).ns + t.tv_nsec};
}

HostScheduler::Vm::Vm(CheckedVm&& checked, std::uint32_t home_processor)
    : terms(checked.terms),
      area(std::move(checked.area)),
      reader(area.bytes(), terms.fair_vcpus + terms.realtime_vcpus),
      bell(std::move(checked.bell)),
      bells(kBellBurst, kBellsPerSecond),
      claims(kClaimBurst, kClaimsPerSecond),
      home(home_processor) {
  vcpus.reserve(checked.vcpus.size());
  for (VcpuThread& thread : checked.vcpus) {
    Vcpu& vcpu = vcpus.emplace_back(Vcpu{.tid = thread.tid,
                                         .clock = std::move(thread.clock),
                                         .ran = {},
                                         .shared = {},
                                         .ready = false,
                                         .nice = {},
                                         .slice = {},
                                         .sleeps = false});
    if (const auto times = vcpu.clock.read()) vcpu.ran = times->ran;
  }
}

HostScheduler::HostScheduler(Policy policy, std::vector<int> processors, bool ranks,
                             const sched::ProcessorModel& model, Duration own_slice,
                             std::size_t trace_entries)
    : policy_(policy),
      own_slice_(own_slice),
      numbers_(std::move(processors)),
      processors_(numbers_.size()),
      scheduler_(static_cast<std::uint32_t>(numbers_.size()), levels_, {}, model),
      ranks_(ranks),
      shares_(sched::Capacity{}.vms, sched::Capacity{}.processors),
      trace_(trace_entries) {
  for (std::size_t p = 0; p < numbers_.size(); ++p) processors_[p].number = numbers_[p];
  claims_.reserve(sched::Capacity{}.claims);
  usable_.reserve(numbers_.size());
}

HostScheduler::~HostScheduler() = default;

Result<Done, int> HostScheduler::open() {
  for (Processor& p : processors_) {
    p.epoll.reset(epoll_create1(EPOLL_CLOEXEC));
    p.timer.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!p.epoll.open() || !p.timer.open()) return Error{errno};
    // Edge-triggered, here and for the bells: an event needs no read to be over.
    const int error = epoll_change(p.epoll.get(), EPOLL_CTL_ADD, p.timer.get(), EPOLLIN | EPOLLET,
                                   event_tag(EventKind::kTimer));
    if (error != 0) return Error{error};
  }
  return Done{};
}

HostScheduler::Vm* HostScheduler::find(sched::VmId id) {
  const auto at = vms_.find(id);
  return at == vms_.end() ? nullptr : at->second.get();
}

// ------------------------------------------------------------ control thread

Result<Done, std::string> HostScheduler::add(CheckedVm checked) {
  const MutexLock lock(mutex_);
  if (demoted_) return Done{};  // nobody is served any more: it runs like the others until it is told to end
  const AddVm& t = checked.terms;
  const sched::Entitlement entitlement{.weight = t.weight,
                                       .bandwidth_ppm = t.bandwidth_ppm,
                                       .max_priority = t.max_priority,
                                       .fair_vcpus = t.fair_vcpus,
                                       .realtime_vcpus = t.realtime_vcpus};
  if (!scheduler_.add_vm(t.vm, entitlement))
    return Error{"VM number " + std::to_string(t.vm) + " is taken, or there are " +
                 std::to_string(sched::Capacity{}.vms) + " VMs already"};
  auto vm = std::make_unique<Vm>(std::move(checked), t.vm % processors());
  const Result<Done, std::string> served = policy_ == Policy::kAware ? serve_claims(*vm) : impose_static(*vm);
  if (!served.ok()) {
    make_ordinary(*vm);
    scheduler_.remove_vm(vm->terms.vm, monotonic_now());
    return Error{served.error()};
  }
  vms_.emplace(vm->terms.vm, std::move(vm));
  return Done{};
}

Result<Done, std::string> HostScheduler::serve_claims(Vm& vm) {
  const int error = epoll_change(processors_[vm.home].epoll.get(), EPOLL_CTL_ADD, vm.bell.get(),
                                 EPOLLIN | EPOLLET, event_tag(EventKind::kBell, vm.terms.vm));
  if (error != 0) return Error{std::string("the bell cannot be waited for: ") + std::strerror(error)};
  vm.area.open(CANDOR_FEATURE_SCHED | CANDOR_FEATURE_BLOCKING |
               (ranks_.permitted() ? CANDOR_FEATURE_RANKS : 0));
  return Done{};
}

void HostScheduler::remove(sched::VmId id) {
  const MutexLock lock(mutex_);
  Vm* vm = find(id);
  if (vm == nullptr) return;
  epoll_change(processors_[vm->home].epoll.get(), EPOLL_CTL_DEL, vm->bell.get(), 0, 0);
  vm->area.close();
  make_ordinary(*vm);
  touched_ |= vm->on_processors;
  const Time t = monotonic_now();
  scheduler_.remove_vm(id, t);
  vms_.erase(id);
  look_at_touched(sched::kNone, t, Cause::kBell);
}

void HostScheduler::demote() {
  const MutexLock lock(mutex_);
  demoted_ = true;
  for (const auto& [id, vm] : vms_) {
    vm->area.close();
    make_ordinary(*vm);
  }
  for (std::uint32_t p = 0; p < processors(); ++p) set_timer(p, Time::never());
}

void HostScheduler::make_ordinary(Vm& vm) {
  for (Vcpu& vcpu : vm.vcpus) {
    if (!vcpu.clock.read().has_value()) continue;
    if (vcpu.slice != Duration{}) set_terms(vcpu, *vcpu.nice, {});  // a change of policy keeps the slice
    (void)ranks_.set_ordinary(vcpu.tid).ok();                       // fails only if it ends now
  }
  trace_.add({.at_ns = monotonic_now().ns, .kind = TraceKind::kOrdinary, .vm = vm.terms.vm});
}

bool HostScheduler::refresh(bool stolen) {
  const MutexLock lock(mutex_);
  if (vms_.empty() || demoted_) return false;
  publish_vcpus();
  const Time t = monotonic_now();
  for (std::uint32_t p = 0; p < processors(); ++p) look_for(p, t);
  look_at_touched(sched::kNone, t, Cause::kBell);
  const bool shared = share(t);
  for (const auto& [id, vm] : vms_) {
    for (std::uint32_t v = 0; v < vm->vcpus.size(); ++v) {
      if (v < vm->terms.fair_vcpus) {
        const sched::VcpuView view = scheduler_.vcpu_view(id, v, t);
        vm->area.fair_vcpu(v, view.wanted != 0, view.waiting_key);
      }
      if (!stolen) continue;
      if (const auto times = vm->vcpus[v].clock.read())
        vm->area.stolen(v, static_cast<std::uint64_t>(times->waited.ns));
    }
  }
  return shared;
}

Stats HostScheduler::stats() {
  const MutexLock lock(mutex_);
  Stats stats = counters_;
  stats.ranks = ranks_.permitted() ? 1 : 0;
  stats.rank_changes = ranks_.changes();
  stats.slice_changes = ranks_.slice_changes();
  timespec cpu{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  stats.cpu_ns = static_cast<std::uint64_t>(seconds(cpu.tv_sec).ns + cpu.tv_nsec);
  return stats;
}

// -------------------------------------------------------- processor's thread

void HostScheduler::bell(std::uint32_t processor, sched::VmId id) {
  const MutexLock lock(mutex_);
  ++counters_.wakeups;
  Vm* vm = find(id);
  if (vm == nullptr || vm->home != processor || vm->muted || demoted_) return;  // an event of a moment ago
  const Time t = monotonic_now();
  ++counters_.bells;
  if (!vm->bells.take(t)) {
    ++counters_.bells_muted;
    listen(*vm, false);
    vm->listen_at = vm->bells.recovered();
    arm(processor);
    return;
  }
  if (sched_getcpu() != processors_[processor].number) look_for(processor, t);
  take_claims(*vm, t);
  touched_ |= vm->on_processors;
  look_at_touched(processor, t, Cause::kBell);
  arm(processor);
}

void HostScheduler::timer(std::uint32_t processor) {
  const MutexLock lock(mutex_);
  ++counters_.wakeups;
  processors_[processor].armed = Time::never();
  if (demoted_) return;
  const Time t = monotonic_now();
  if (sched_getcpu() != processors_[processor].number) look_for(processor, t);
  for (const auto& [id, vm] : vms_) {
    if (vm->home != processor || vm->listen_at > t) continue;
    vm->listen_at = Time::never();
    if (vm->muted) listen(*vm, true);
    take_claims(*vm, t);
  }
  touched_ |= bit(processor);
  look_at_touched(processor, t, Cause::kTimer);
}

void HostScheduler::listen(Vm& vm, bool on) {
  vm.muted = !on;
  // Waking up a muted bell reports at once what was rung meanwhile.
  epoll_change(processors_[vm.home].epoll.get(), EPOLL_CTL_MOD, vm.bell.get(), on ? EPOLLIN | EPOLLET : 0,
               event_tag(EventKind::kBell, vm.terms.vm));
}

// The bell of a VM is heard where its claims run: on that processor the thread
// that hears it preempts the vCPU that rang, and no other processor must wake.
void HostScheduler::move_bell(Vm& vm, std::uint32_t processor) {
  if (vm.home == processor) return;
  epoll_change(processors_[vm.home].epoll.get(), EPOLL_CTL_DEL, vm.bell.get(), 0, 0);
  vm.home = processor;
  epoll_change(processors_[vm.home].epoll.get(), EPOLL_CTL_ADD, vm.bell.get(),
               vm.muted ? 0 : EPOLLIN | EPOLLET, event_tag(EventKind::kBell, vm.terms.vm));
}

void HostScheduler::look_at_touched(std::uint32_t own, Time t, Cause cause) {
  const std::uint64_t touched = std::exchange(touched_, 0);
  for (std::uint32_t p = 0; p < processors(); ++p) {
    if ((touched & bit(p)) == 0) continue;
    if (p == own)
      serve(p, t, cause);
    else
      set_timer(p, t);  // its own thread looks, at once
  }
}

void HostScheduler::arm(std::uint32_t processor) {
  Time at = processors_[processor].next;
  for (const auto& [id, vm] : vms_)
    if (vm->home == processor) at = std::min(at, vm->listen_at);
  set_timer(processor, at);
}

void HostScheduler::set_timer(std::uint32_t processor, Time at) {
  Processor& p = processors_[processor];
  if (p.armed == at) return;
  p.armed = at;
  itimerspec spec{};
  if (at != Time::never()) {
    const std::int64_t ns = std::max<std::int64_t>(at.ns, 1);  // zero would disarm it
    spec.it_value = {.tv_sec = ns / seconds(1).ns, .tv_nsec = ns % seconds(1).ns};
  }
  timerfd_settime(p.timer.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

// -------------------------------------------------------------------- claims

// What is given up goes first: who asks for its room need not have waited until it was free.
void HostScheduler::take_claims(Vm& vm, Time t) {
  int taken = 0;
  for (const bool wanted : {false, true}) {
    for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; ++slot) {
      const std::uint32_t serial = vm.reader.serial(slot);
      if (serial == vm.serials[slot] || (serial & 1) != 0) continue;
      // Terms that are being written: the guest rings when it is done.
      const auto terms = vm.reader.terms(slot);
      if (!terms || is_claim(terms->request) != wanted) continue;
      if (taken == kClaimsPerVisit || !vm.claims.take(t)) {
        vm.listen_at =
            std::min(vm.listen_at, taken == kClaimsPerVisit ? t + kNextVisit : vm.claims.recovered());
        return;
      }
      ++taken;
      take_claim(vm, slot, *terms, t);
    }
  }
}

void HostScheduler::take_claim(Vm& vm, std::uint32_t slot, const TermsCopy& terms, Time t) {
  vm.serials[slot] = terms.serial;
  vm.unanswered &= ~bit(slot);
  vm.unplaced &= ~bit(slot);
  const sched::VmId id = vm.terms.vm;
  if (const auto before = scheduler_.claim_view(id, slot, t); before.processor != sched::kNone) {
    touched_ |= bit(before.processor);
    // What it has used by now is not forgiven by a change.
    scheduler_.publish(id, slot, vm.reader.job(slot), t);
    if (const auto times = vm.vcpus[before.vcpu].clock.read())
      scheduler_.charge(id, before.vcpu, times->ran, t);
  }
  sched::Answer answer = scheduler_.claim(id, slot, terms.request, t);
  follow_moves(t);
  if (answer.status == CANDOR_CLAIM_ADMITTED && !pin(vm, answer.vcpu, answer.processor)) {
    scheduler_.release(id, slot, t);
    answer = refusal(CANDOR_REFUSED_PROCESSOR);  // the vCPU is not allowed there
  }
  claims_placed(vm);
  if (answer.status != CANDOR_CLAIM_ADMITTED) return answer_now(vm, slot, answer, t);
  touched_ |= bit(answer.processor);
  vm.answers[slot] = answer;
  vm.unanswered |= bit(slot);
}

// vCPUs that made room for the last claim.
void HostScheduler::follow_moves(Time t) {
  for (const auto& move : scheduler_.moves()) {
    touched_ |= bit(move.from) | bit(move.to);
    trace_.add({.at_ns = t.ns,
                .kind = TraceKind::kMoved,
                .vm = move.vm,
                .vcpu = move.vcpu,
                .processor = static_cast<std::uint32_t>(numbers_[move.to])});
    Vm* vm = find(move.vm);
    if (vm == nullptr) continue;
    (void)pin(*vm, move.vcpu, move.to);  // fails for a thread that is ending, and its VM will be removed
    claims_placed(*vm);
  }
}

void HostScheduler::answer_now(Vm& vm, std::uint32_t slot, const sched::Answer& answer, Time t) {
  vm.said[slot] = answer.status;
  if (answer.reason == CANDOR_REFUSED_PROCESSOR) vm.unplaced |= bit(slot);
  vm.area.answer(slot, vm.serials[slot], answer);
  answered(vm, slot, answer, t);
}

// A guest waits for the answer to what it has asked. Of another it is told wherever the thread may be.
void HostScheduler::answered(Vm& vm, std::uint32_t slot, const sched::Answer& answer, Time t) {
  trace_answer(vm, slot, answer, t);
  if ((vm.asked_anew & bit(slot)) == 0) return;
  vm.asked_anew &= ~bit(slot);
  for (std::uint32_t v = 0; v < vm.vcpus.size(); ++v) vm.area.claims_changed(v);
}

bool HostScheduler::pin(Vm& vm, std::uint32_t vcpu, std::uint32_t processor) {
  Vcpu& v = vm.vcpus[vcpu];
  if (!ranks_.permitted() || v.pinned == processor) return true;
  if (!v.clock.read().has_value()) return false;
  if (!RankWriter::pin(v.tid, {&numbers_[processor], 1}).ok()) return false;
  v.pinned = processor;
  return true;
}

// After a change of claims: as many bells as their jobs need and a quarter more, since each costs time that
// nobody's budget pays for, and the bell heard where one of them is.
void HostScheduler::claims_placed(Vm& vm) {
  std::int64_t jobs_per_second = 0;
  vm.on_processors = 0;
  std::uint32_t first = sched::kNone;
  bool at_home = false;
  for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; ++slot) {
    const sched::ClaimView view = scheduler_.claim_view(vm.terms.vm, slot, Time{});
    if (view.processor == sched::kNone) continue;
    jobs_per_second += seconds(1).ns / view.period.ns + 1;
    vm.on_processors |= bit(view.processor);
    if (first == sched::kNone) first = view.processor;
    at_home |= view.processor == vm.home;
  }
  vm.bells.set_rate(kBellsPerSecond + jobs_per_second + jobs_per_second / 4);
  if (first != sched::kNone && !at_home) move_bell(vm, first);
}

// --------------------------------------------------------------------- order

// What guests say of the claims of a processor, and what their vCPUs have used.
void HostScheduler::look_at_claims(std::uint32_t processor, Time t) {
  scheduler_.claims_on(processor, claims_);
  for (const auto& c : claims_) {
    Vm* vm = find(c.vm);
    if (vm != nullptr) scheduler_.publish(c.vm, c.thread, vm->reader.job(c.thread), t);
  }
  for (std::size_t i = 0; i < claims_.size(); ++i) {
    const auto& c = claims_[i];
    const bool seen = std::any_of(claims_.begin(), claims_.begin() + static_cast<std::ptrdiff_t>(i),
                                  [&](const auto& o) { return o.vm == c.vm && o.vcpu == c.vcpu; });
    Vm* vm = find(c.vm);
    if (seen || vm == nullptr) continue;
    if (const auto times = vm->vcpus[c.vcpu].clock.read()) scheduler_.charge(c.vm, c.vcpu, times->ran, t);
  }
}

void HostScheduler::serve(std::uint32_t processor, Time t, Cause cause) {
  look_at_claims(processor, t);
  if (cause == Cause::kTimer) charge_borrowed(t);
  const sched::Decision decision = scheduler_.decide(processor, t);
  ++counters_.decisions;
  for (const sched::RankChange& change : decision.changes) impose(change);
  if (trace_.on()) trace_ranks(processor, decision, t);
  processors_[processor].next = decision.next;
  tell(processor, t);
  arm(processor);
}

// A fair vCPU that holds a lock runs with the rank of the real-time one that
// waits for it. What it ran since the last look counts against the first claim
// on this processor.
void HostScheduler::charge_borrowed(Time t) {
  for (std::size_t i = 0; i < claims_.size(); ++i) {
    const auto& c = claims_[i];
    const bool seen = std::any_of(claims_.begin(), claims_.begin() + static_cast<std::ptrdiff_t>(i),
                                  [&](const auto& o) { return o.vm == c.vm; });
    Vm* vm = find(c.vm);
    if (seen || vm == nullptr) continue;
    for (std::uint32_t v = 0; v < vm->terms.fair_vcpus; ++v) {
      Vcpu& vcpu = vm->vcpus[v];
      const auto times = vcpu.clock.read();
      if (!times) continue;
      const Duration ran = times->ran - std::exchange(vcpu.ran, times->ran);
      if (ran > Duration{0} && vcpu.clock.boosted()) scheduler_.charge_borrowed(c.vm, c.thread, ran, t);
    }
  }
}

void HostScheduler::impose(const sched::RankChange& change) {
  Vm* vm = find(change.vm);
  if (vm == nullptr) return;
  const Vcpu& vcpu = vm->vcpus[change.vcpu];
  if (!vcpu.clock.read().has_value()) return;  // ended: its number may be another's
  // A failure means that the thread is ending, and its VM will be removed.
  if (change.level > 0)
    (void)ranks_.set_fifo(vcpu.tid, change.level).ok();
  else
    (void)ranks_.set_ordinary(vcpu.tid).ok();
}

// Writes what guests may know, after the ranks are what it says.
void HostScheduler::tell(std::uint32_t processor, Time t) {
  for (const auto& c : claims_) {
    Vm* vm = find(c.vm);
    if (vm == nullptr) continue;
    vm->area.realtime_vcpu(c.vcpu, static_cast<std::uint32_t>(processors_[processor].number),
                           scheduler_.vcpu_view(c.vm, c.vcpu, t));
    const sched::ClaimView view = scheduler_.claim_view(c.vm, c.thread, t);
    vm->area.claim(c.thread, view);
    const candor_claim_status before = std::exchange(vm->said[c.thread], view.status);
    if ((vm->unanswered & bit(c.thread)) != 0) {
      vm->unanswered &= ~bit(c.thread);
      vm->area.answer(c.thread, vm->serials[c.thread], vm->answers[c.thread]);
      answered(*vm, c.thread, vm->answers[c.thread], t);
    } else if (before != view.status) {
      const bool exhausted = view.status == CANDOR_CLAIM_EXHAUSTED;
      if (exhausted) ++counters_.exhaustions;
      trace_.add({.at_ns = t.ns,
                  .kind = exhausted ? TraceKind::kExhausted : TraceKind::kReplenished,
                  .vm = c.vm,
                  .vcpu = c.vcpu,
                  .processor = static_cast<std::uint32_t>(processors_[processor].number),
                  .thread = c.thread,
                  .why = {.thread = c.thread, .replenish = exhausted ? view.replenish : Time::never()}});
      vm->area.claims_changed(c.vcpu);
    }
  }
}

}  // namespace candor::host
