#include "guest/wait_queue.h"

#include "guest/panic.h"
#include "guest/vcpu.h"
#include "guest/wait_guard.h"

namespace candor::kernel {

void WaitQueue::expect_empty(std::string_view owner) const {
  if (const Waiter* w = waiters_.front())
    panic("{} is destroyed while {} waits for it", owner, w->thread->name);
}

void WaitQueue::add(Waiter& waiter) {
  waiter.thread = &Vcpu::here().current();
  waiter.rank = waiter.thread->rank;
  waiter.rank.turn = ++turns_;
  waiters_.insert(&waiter);
}

ThreadControl* WaitQueue::satisfy(Waiter& waiter) {
  waiters_.remove(&waiter);
  ThreadControl* thread = waiter.thread;
  retain(*thread);  // from the next line on it may go its way, and end
  waiter.done.store(true, std::memory_order_release);
  return thread;
}

void WaitQueue::satisfy_all() {
  for (;;) {
    ThreadControl* next = nullptr;
    {
      const WaitGuard guard(*this);
      if (Waiter* first = waiters_.front()) next = satisfy(*first);
    }
    if (next == nullptr) return;
    wake(next);
  }
}

void WaitQueue::wake(ThreadControl* thread) {
  if (thread == nullptr) return;
  const Waking waking;
  Vcpu::wake(*thread);
  drop(*thread);
}

bool WaitLimit::reached(const ThreadControl& thread) const {
  return !firm_ && (thread.cancelled.load(std::memory_order_relaxed) || now() >= until_);
}

bool WaitQueue::wait(Waiter& waiter, WaitLimit limit) {
  const Masked masked;
  while (!waiter.done.load(std::memory_order_acquire)) {
    if (limit.reached(*waiter.thread)) {
      const WaitGuard guard(*this);
      if (waiter.done.load(std::memory_order_acquire)) break;  // just in time
      waiters_.remove(&waiter);
      return false;
    }
    Vcpu::block(limit.until());
  }
  return true;
}

void expect_may_wait(std::string_view what) {
  if (upcalls_masked()) panic("{} waits with upcalls masked, where nothing may wait", what);
}

}  // namespace candor::kernel
