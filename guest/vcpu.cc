// The scheduler of one vCPU: who runs next, and the switch to it.
#include "guest/vcpu.h"

#include <cstddef>
#include <new>

#include "guest/claim.h"
#include "guest/mutex.h"
#include "guest/panic.h"
#include "guest/thread.h"

namespace candor::kernel {

constinit Kernel kernel;

namespace {

// Those that this VM has are made at boot, before constructors of the application may need the kernel. In the
// image they would be 84 KiB to write for each VM that starts.
alignas(Vcpu) constinit std::byte places[CANDOR_MAX_VCPUS * sizeof(Vcpu)]{};
Vcpu* const vcpus = reinterpret_cast<Vcpu*>(places);

/// The thread cannot stay: it has ended, or belongs to another vCPU. A holder of
/// a mutex stays until it lets go, since waiters look for it by its vCPU's token.
bool must_leave(const ThreadControl& t) {
  return t.exited || (t.move_to != nullptr && t.held == nullptr);
}

bool displaces(const ThreadControl& candidate, const ThreadControl& running, Time t) {
  return outranks(candidate.rank, running.rank) ||
         (shares_slices(candidate.rank, running.rank) && t >= running.slice_end());
}

}  // namespace

Vcpu& Vcpu::here() {
  return vcpus[this_vcpu_index()];
}
Vcpu& Vcpu::at(std::uint32_t index) {
  return vcpus[index];
}

Vcpu& Vcpu::for_fair_work(const ThreadControl& thread) {
  Vcpu* best = nullptr;
  for (std::uint32_t i = 0; i < kernel.fair_vcpus; i++)
    if (thread.may_run_on(i) && (best == nullptr || vcpus[i].population_.load(std::memory_order_relaxed) <
                                                        best->population_.load(std::memory_order_relaxed)))
      best = &vcpus[i];
  if (best == nullptr) panic("{} may run on none of the {} fair vCPUs", thread.name, kernel.fair_vcpus);
  return *best;
}

Vcpu* Vcpu::by_lock_token(std::uint32_t token) {
  for (std::uint32_t i = 0; i < kernel.vcpus; i++)
    if (vcpus[i].lock_token() == token) return &vcpus[i];
  return nullptr;
}

std::uint32_t Vcpu::lock_token() const {
  const std::uint32_t token = peek(host_vcpu(index_).lock_token) & CANDOR_LOCK_OWNER;
  return token != 0 ? token : index_ + 1;  // no inheritance to be had: any number that is ours will do
}

void Vcpu::prepare_all() {
  for (std::uint32_t i = 0; i < kernel.vcpus; i++) {
    new (&vcpus[i]) Vcpu;
    vcpus[i].index_ = i;
    vcpus[i].current_ = &vcpus[i].idle_;
  }
}

void Vcpu::run(std::uint32_t index) {
  Vcpu& self = vcpus[index];
  self.idle_.rank = self.idle_.base = Rank::nothing();
  self.idle_.home.store(&self, std::memory_order_relaxed);
  put(self.page().running, CANDOR_NO_THREAD);
  put(self.page().next_thread, CANDOR_NO_THREAD);
  put(self.page().next_timer_ns, CANDOR_NO_TIME);
  put(self.page().upcall_entry, reinterpret_cast<std::uint64_t>(&candor_upcall));
  for (;;) self.schedule();
}

void Vcpu::schedule(bool preempted) {
  ThreadControl& self = *current_;
  for (;;) {
    const Time t = now();
    if (self.reserve.active() && self.runnable) look_at_reserve(self, t);
    take_events(t);
    ThreadControl* next = pick(t);
    if (kernel.fair_vcpus > 1) look_around(next, t);
    if (next == nullptr) {
      self.cpu.stop(t);
      // Idle on the stack of the thread that ran last: if it is the one to run
      // next, as a periodic thread with a vCPU of its own is, no switch is needed.
      if (!must_leave(self)) {
        idle(t);
        continue;
      }
      trace_dispatch(nullptr, t);
      next = &idle_;
    } else {
      if (next != &self) next->slice.begin(t);
      account(self, *next, t);
      publish_dispatch(next, t);
      ring_if_due();
      arm_timer(*next, t);
      trace_dispatch(next, t);
    }
    if (next != &self) switch_to(*next, preempted);
    return;  // perhaps on another vCPU: nothing of `this` may be used from here on
  }
}

ThreadControl* Vcpu::pick(Time t) {
  ThreadControl& self = *current_;
  ThreadControl* front = ready_.front();
  if (self.runnable && !must_leave(self)) {
    const bool gives_way = self.yields && front != nullptr && !outranks(self.rank, front->rank);
    if (self.yields) trace(CANDOR_TRACE_YIELD, &self, 0, t);
    self.yields = false;
    if (!gives_way && (front == nullptr || !displaces(*front, self, t))) return &self;
    self.slice.pause(t);
    if (gives_way || t >= self.slice_end()) queue_up(self);
    enqueue(self);
    front = ready_.front();
  }
  if (front != nullptr) dequeue(*front);
  return front;
}

/// The clock was read for the dispatch anyway. What the kernel does before that belongs to the thread that
/// was there, an upcall's handler too; what it does afterwards, and the switch, to the next.
void Vcpu::account(ThreadControl& from, ThreadControl& to, Time t) {
  if (&from != &to) from.cpu.stop(t);
  to.cpu.start(t);
  const std::uint64_t stolen = peek(host_vcpu(index_).stolen_ns);
  if (stolen > stolen_) settle_stolen(stolen, t);
}

/// The host says only now, about once a second, for how long this vCPU was kept from running: it is taken off
/// those which ran meanwhile, in proportion.
void Vcpu::settle_stolen(std::uint64_t stolen, Time t) {
  const Duration lost{static_cast<std::int64_t>(stolen - stolen_)};
  stolen_ = stolen;
  Duration all;
  for (ThreadControl* i = owned_.front(); i != nullptr; i = OwnedList::next(i))
    all += i->cpu.used(t) - i->cpu_settled;
  for (ThreadControl* i = owned_.front(); i != nullptr; i = OwnedList::next(i)) {
    i->cpu.take_off(share_of_stolen(lost, i->cpu.used(t) - i->cpu_settled, all));
    i->cpu_settled = i->cpu.used(t);
  }
}

/// Behind its equals, with a whole turn before it.
void Vcpu::queue_up(ThreadControl& thread) {
  thread.rank.turn = ++turns_;
  thread.slice.renew();
}

void Vcpu::enqueue(ThreadControl& thread) {
  ready_.insert(&thread);
  if (thread.published()) published_ready_.add(&thread);
  put_waiting(1);
}

void Vcpu::dequeue(ThreadControl& thread) {
  if (!ReadyQueue::contains(&thread)) return;
  ready_.remove(&thread);
  published_ready_.remove(&thread);
  thread.patience.has_ended();
  put_waiting(~0u);
}

void Vcpu::switch_to(ThreadControl& next, bool preempted) {
  ThreadControl& self = *current_;
  if (must_leave(self)) left_ = &self;
  current_ = &next;
  if (preempted) {
    save_extended(kernel.extended, self.extended);
    empty_x87();
  }
  candor_switch(&self.sp, next.sp);
  here().after_switch();
  if (preempted) restore_extended(kernel.extended, self.extended);
}

/// First thing on the stack switched to: the stack switched from is free now.
void Vcpu::after_switch() {
  ThreadControl* left = left_;
  if (left == nullptr) return;
  left_ = nullptr;
  if (left->exited) {
    owned_.remove(left);
    population_.fetch_sub(1, std::memory_order_relaxed);
    release_thread(*left);
  } else {
    hand_over(*left, *left->move_to);
  }
}

void Vcpu::send_to(ThreadControl& thread, Vcpu& target) {
  const bool stays = &target == this || (!target.realtime() && !realtime() && thread.reserved_on == nullptr &&
                                         thread.may_run_on(index_));
  thread.move_to = stays ? nullptr : &target;
  // The current one leaves its stack first (schedule()); a holder lets go first.
  if (!stays && &thread != current_ && thread.held == nullptr) hand_over(thread, target);
}

/// Gives a thread that is not on its stack here to another vCPU.
void Vcpu::hand_over(ThreadControl& thread, Vcpu& to) {
  trace(CANDOR_TRACE_MOVE, &thread, to.index());
  dequeue(thread);
  timers_.remove(&thread);
  owned_.remove(&thread);
  population_.fetch_sub(1, std::memory_order_relaxed);
  to.expect_thread();
  thread.move_to = nullptr;
  // The bit before the new home, so that an unpark over there sees that the
  // thread is still under way and leaves its wake-up with the other mail.
  const bool first = thread.mail.add(kMailArrive);
  thread.home.store(&to, std::memory_order_release);
  if (!first) return;  // somebody is pushing it to us; we forward it then, mail and all
  retain(thread);
  to.inbox_.push(&thread);
  to.notify();
}

void Vcpu::block(Time until, Time deadline) {
  Vcpu& v = here();
  ThreadControl& self = *v.current_;
  self.runnable = false;
  v.timers_.remove(&self);
  self.wake_at = until;
  if (until != Time::never()) v.timers_.insert(&self);
  if (v.trace_ring_.on()) {
    const Time t = now();
    v.note(CANDOR_TRACE_BLOCK, &self, trace_length(until - t), t);
  }
  if (self.waits_for != nullptr && self.terms.realtime()) {
    // Its line stays as it is. For the host it is ready: its job and deadline stand, and where the holder
    // is on this vCPU, the vCPU keeps its rank for that one.
  } else if (self.in_job)  // a waiting thread's line tells of the next job, and this one is not over
    publish_state(self, CANDOR_THREAD_BLOCKED);
  else
    publish_job(self, until == Time::never() ? CANDOR_THREAD_BLOCKED : CANDOR_THREAD_WAITING, until,
                deadline);
  v.schedule();
}

bool Vcpu::park(Time until) {
  ThreadControl& self = here().current();
  if (!self.token && !self.cancelled.load(std::memory_order_relaxed)) {
    self.parked = true;
    block(until);
    self.parked = false;
  }
  const bool unparked = self.token;
  self.token = false;
  return unparked;
}

void Vcpu::yield() {
  Vcpu& v = here();
  v.current_->yields = true;
  v.schedule();
}

void Vcpu::exit_current() {
  Vcpu& v = here();
  if (v.current_->held != nullptr) panic("{} ends while it holds a mutex", v.current_->name);
  give_up_claim(*v.current_);
  v.timers_.remove(v.current_);  // where a used reserve would have come back
  v.current_->runnable = false;
  v.current_->exited = true;
  v.current_->cpu.stop(now());  // before anybody who waits for its end may ask
  tell_end(*v.current_);
  publish_state(*v.current_, CANDOR_THREAD_ABSENT);
  v.trace(CANDOR_TRACE_END, v.current_, 0);
  v.schedule();
  __builtin_unreachable();
}

void Vcpu::make_ready(ThreadControl& thread) {
  if (thread.runnable || thread.exited) return;
  timers_.remove(&thread);
  thread.wake_at = Time::never();
  thread.runnable = true;
  if (thread.reserve.active()) {
    const Time t = now();
    if (!thread.grid.active()) thread.reserve.release(t, thread.cpu.used(t));
    thread.reserve.advance(t, thread.cpu.used(t));
    stand_by_reserve(thread);
  }
  queue_up(thread);
  publish_state(thread, CANDOR_THREAD_READY);
  trace(CANDOR_TRACE_WAKE, &thread, trace_id(dispatched_));
  if (&thread != current_)
    enqueue(thread);
  else
    thread.slice.begin(now());  // it idles on its own stack, and goes on there
}

void Vcpu::set_rank(ThreadControl& thread, Rank rank) {
  rank.turn = thread.rank.turn;
  const bool queued = ReadyQueue::contains(&thread);
  if (queued) ready_.remove(&thread);
  thread.rank = rank;
  if (queued) ready_.insert(&thread);
}

void Vcpu::set_base_rank(ThreadControl& thread, Rank base) {
  thread.base = base;
  if (thread.held == nullptr) set_rank(thread, base);
}

void Vcpu::lift_if_wanted(ThreadControl& thread) {
  if (holds_wanted_mutex(thread)) lend_rank(thread, Rank::urgent());
}

void Vcpu::lend_rank(ThreadControl& thread, Rank rank) {
  // Ends where nothing is to be raised, so in a cycle too.
  for (ThreadControl* t = &thread; t != nullptr && outranks(rank, t->rank);) {
    set_rank(*t, rank);
    t = t->waits_for != nullptr ? pass_on_rank(*t, *this) : nullptr;
  }
}

/// What there is to do here, in the eyes of other vCPUs, and whether one of them should do it.
void Vcpu::look_around(const ThreadControl* next, Time t) {
  const std::uint32_t runs = importance(next != nullptr ? next->rank : Rank::nothing());
  if (runs != runs_.load(std::memory_order_relaxed)) {
    runs_.store(runs, std::memory_order_relaxed);
    if (next != nullptr) has_work();
  }
  if (ready_.empty())
    share_at_ = Time::never();
  else if (share_at_ <= t || share_at_ == Time::never())
    share_work(t);
}

void Vcpu::arm_timer(const ThreadControl& running, Time t) {
  Time wanted = share_at_;
  if (const Time watch = watch_at(); watch < wanted) wanted = watch;
  if (running.reserve.active() && !running.reserve.exhausted()) {
    const Time look = running.reserve.look_at(t, running.cpu.used(t));
    if (look < wanted) wanted = look;
  }
  if (const ThreadControl* front = ready_.front();
      front != nullptr && shares_slices(front->rank, running.rank) && running.slice_end() < wanted)
    wanted = running.slice_end();
  // Sleepers that would not displace it can wait until something else calls.
  for (const ThreadControl* s = timers_.front(); s != nullptr && s->wake_at < wanted; s = TimerQueue::next(s))
    // One that is ready has used its reserve, and gets the next.
    if (s->runnable || outranks(s->rank, running.rank) ||
        (shares_slices(s->rank, running.rank) && running.slice_end() != Time::never()))
      wanted = s->wake_at;
  // A timer that fires too early costs one upcall; setting it costs about as much, each time.
  if (wanted >= armed_) return;
  armed_ = wanted;
  trace(CANDOR_TRACE_TIMER, &running, trace_length(wanted - t), t);
  call_host(CANDOR_CALL_SET_TIMER, wire(wanted));
}

void unmask() {
  while (unmask_upcalls_and_look()) {
    mask_upcalls();
    Vcpu::here().schedule();
  }
}

extern "C" void candor_on_upcall() {
  Vcpu& v = Vcpu::here();
  count(v.page().upcalls);
  v.trace(CANDOR_TRACE_UPCALL, v.running(), peek(v.page().pending));
  v.schedule(/*preempted=*/true);
}

extern "C" void candor_thread_main(ThreadControl* thread) {
  Vcpu::here().after_switch();
  thread->began = true;
  unmask();
  thread->entry(thread->argument);
  mask_upcalls();
  Vcpu::exit_current();
}

}  // namespace candor::kernel
