// What reaches a vCPU from outside: pending bits, its inbox, its sleepers' times.
#include "guest/claim.h"
#include "guest/console.h"
#include "guest/mutex.h"
#include "guest/vcpu.h"

namespace candor::kernel {

void Vcpu::take_events(Time t) {
  std::uint32_t bits = 0;
  // Taken before the inbox is emptied: who pushes after that sets the bit again.
  if (peek(page().pending) != 0) bits = __atomic_exchange_n(&page().pending, 0, __ATOMIC_SEQ_CST);
  if ((bits & CANDOR_PENDING_TIMER) != 0 || armed_ <= t) armed_ = Time::never();
  // The main thread is to end this VM, however much else there is to do.
  if ((bits & CANDOR_PENDING_SHUTDOWN) != 0 && !kernel.stopping.exchange(true)) {
    if (ThreadControl* main = kernel.main.load(std::memory_order_acquire))
      post(*main, kMailHurry | kMailUnpark);
    wake_console_reader();
  }
  if (!inbox_.empty()) take_inbox();
  if (early_mail_.load(std::memory_order_relaxed)) take_early_mail();
  wake_sleepers(t);
  if (watch_at() <= t) look_at_watchdogs(t);
  // A late answer comes without a word, as the first to a claim always does.
  if ((bits & CANDOR_PENDING_CLAIMS) != 0 || kernel.answers_awaited.load(std::memory_order_relaxed) != 0)
    review_claims();
  if (bits == 0) return;
  if ((bits & CANDOR_PENDING_CONSOLE) != 0) wake_console_reader();
  if ((bits & CANDOR_PENDING_NOTIFY) != 0) {
    lift_wanted_holders();
    if (kernel.fair_vcpus > 1) share_at_ = t;  // one that is idle may have rung
    if (kernel.ending.load(std::memory_order_acquire)) finish_statistics();
  }
}

void ask_to_stop() {
  const Masked masked;
  __atomic_fetch_or(&vcpu_page(0).pending, CANDOR_PENDING_SHUTDOWN, __ATOMIC_SEQ_CST);
  Vcpu::at(0).notify();
}

void Vcpu::take_inbox() {
  for (ThreadControl* t = inbox_.take_all(); t != nullptr;) {
    ThreadControl* next = t->inbox_next;
    Vcpu* home = t->home.load(std::memory_order_acquire);
    if (home != this) {
      // It moved on while this was under way. Its mail is not taken, so nobody else pushes it.
      home->inbox_.push(t);
      home->notify();
    } else {
      const std::uint32_t mail = t->mail.take();
      if ((mail & kMailArrive) != 0) {
        owned_.insert(t);
        if (!ReadyQueue::contains(t)) {
          t->rank = t->base;  // it holds no mutex, or it would have stayed
          queue_up(*t);
        }
        if (t->runnable && !ReadyQueue::contains(t)) {
          enqueue(*t);
          trace(CANDOR_TRACE_WAKE, t, trace_id(dispatched_));
        }
        if (t->wake_at != Time::never()) timers_.insert(t);
      }
      deliver(*t, mail);
      drop(*t);
    }
    t = next;
  }
}

/// A sender was overtaken by others, perhaps since its vCPU is preempted: they do not wait for it.
void Vcpu::take_early_mail() {
  early_mail_.exchange(false, std::memory_order_acq_rel);
  // One that is on its way here is not in the list; its mail arrives with it.
  for (ThreadControl* t = owned_.front(); t != nullptr;) {
    ThreadControl* next = OwnedList::next(t);  // what it is told may send it elsewhere
    if (!t->mail.empty()) deliver(*t, t->mail.take_early());
    t = next;
  }
}

void Vcpu::deliver(ThreadControl& thread, std::uint32_t mail) {
  if ((mail & kMailHurry) != 0) {
    thread.base = Rank::urgent();
    set_rank(thread, thread.base);
  }
  // Only park() is ended by an unpark, and only park() takes the token.
  if ((mail & kMailUnpark) != 0) thread.token = true;
  if ((mail & kMailWake) != 0 || (thread.token && thread.parked)) make_ready(thread);
  if ((mail & kMailPriority) != 0) change_priority(thread);  // last: the thread may be carried elsewhere then
}

void Vcpu::wake_sleepers(Time t) {
  while (ThreadControl* first = timers_.front()) {
    if (first->wake_at > t) return;
    timers_.remove(first);
    first->wake_at = Time::never();
    if (first->runnable)
      look_at_reserve(*first, t);  // it has used its reserve, and gets the next
    else
      make_ready(*first);
  }
}

/// The host has changed its mind about a claim: threads go where it now says.
void Vcpu::review_claims() {
  for (ThreadControl* t = owned_.front(); t != nullptr;) {
    ThreadControl* next = OwnedList::next(t);
    if (t->terms.realtime() && t->published()) {
      const candor_host_thread& answer = host_thread(t->slot);
      if (peek(answer.answered) == peek(thread_slot(t->slot).serial)) {
        await_answer(*t, false);
        t->claim = {peek(answer.status), peek(answer.reason), peek(answer.fits_ppm)};
        trace(CANDOR_TRACE_CLAIM, t, t->claim.status | t->claim.reason << 8);
        const std::uint32_t vcpu = peek(answer.vcpu);
        send_to(*t, t->claim.admitted() && vcpu < kernel.vcpus ? at(vcpu) : for_fair_work(*t));
      }
    }
    t = next;
  }
}

/// Another vCPU waits for a mutex that one of our threads holds: that one runs first.
void Vcpu::lift_wanted_holders() {
  for (ThreadControl* t = owned_.front(); t != nullptr; t = OwnedList::next(t))
    if (t->held != nullptr) lift_if_wanted(*t);
}

void wake_all(Waiters& waiters) {
  for (ThreadControl* t = waiters.take_all(); t != nullptr;) {
    ThreadControl* next = t->waiters_next;
    retain(*t);  // from the next line on it may go its way, and end
    t->in_waiters.store(false, std::memory_order_release);
    Vcpu::wake(*t);
    drop(*t);
    t = next;
  }
}

void Vcpu::review_rank(ThreadControl& thread) {
  set_rank(thread, thread.base);
  for (const ThreadControl* t = owned_.front(); t != nullptr; t = OwnedList::next(t))
    if (t != &thread && waits_for(*t, thread)) lend_rank(thread, t->rank);
  lift_if_wanted(thread);
}

bool Vcpu::must_go_on() const {
  for (const ThreadControl* t = owned_.front(); t != nullptr; t = OwnedList::next(t))
    if (t != current_ && t->held != nullptr) return true;
  return false;
}

void Vcpu::send(ThreadControl& thread, Mail mail) {
  Vcpu& v = here();
  const bool carried_here =
      thread.home.load(std::memory_order_acquire) == &v && !thread.mail.has(kMailArrive);
  if (!carried_here) {
    post(thread, mail);
    return;
  }
  v.deliver(thread, mail);
}

void Vcpu::post(ThreadControl& thread, std::uint32_t mail) {
  const bool pushes = thread.mail.add(mail);
  Vcpu* home = thread.home.load(std::memory_order_acquire);
  if (pushes) {
    retain(thread);
    home->inbox_.push(&thread);
  } else {
    home->early_mail_.store(true, std::memory_order_release);
  }
  home->notify();
}

void Vcpu::notify() {
  if (this == &here()) {  // looks at `pending` when it unmasks or waits
    __atomic_fetch_or(&page().pending, CANDOR_PENDING_NOTIFY, __ATOMIC_SEQ_CST);
    return;
  }
  if (peek(page().state) == CANDOR_VCPU_POLLING) {
    __atomic_fetch_or(&page().pending, CANDOR_PENDING_NOTIFY, __ATOMIC_SEQ_CST);
    // If it still polls, it sees the bit. It may have stopped between our looks, to sleep or to run a
    // thread; then only the host can reach it.
    if (__atomic_load_n(&page().state, __ATOMIC_SEQ_CST) == CANDOR_VCPU_POLLING) return;
  }
  call_host(CANDOR_CALL_NOTIFY, index_);
}

void Vcpu::finish_statistics() {
  if (finished_.exchange(true)) return;
  const Time stop = unwire(host_page().stop_ns), t = now();
  for (ThreadControl* thread = owned_.front(); thread != nullptr; thread = OwnedList::next(thread)) {
    const Terms& terms = thread->terms;
    // One that never ran could not even say that it is periodic; all its releases have been missed.
    if (!thread->began && terms.realtime())
      thread->grid = Grid(epoch(), terms.period, terms.relative_deadline);
    count(thread->stats->skipped, static_cast<std::uint64_t>(thread->grid.finish(stop < t ? stop : t)));
  }
}

}  // namespace candor::kernel
