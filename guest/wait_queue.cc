#include "guest/wait_queue.h"

#include "guest/panic.h"
#include "guest/vcpu.h"

namespace candor::kernel {

std::uint32_t WaitQueue::lock_of(const WaitQueue& queue) {
  // Neighbours in memory have different ones.
  const std::uint64_t hash = (reinterpret_cast<std::uintptr_t>(&queue) >> 4) * 0x9e3779b97f4a7c15;
  return kFirstWaitLock + static_cast<std::uint32_t>(hash >> 58) % kWaitLocks;
}

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

void WaitQueue::wake(ThreadControl* thread) {
  if (thread == nullptr) return;
  const bool at_ease = !upcalls_masked();
  const Masked masked;
  Vcpu::wake(*thread);
  drop(*thread);
  // Who was masked before goes on, and finds that there is something to look at when it unmasks.
  if (at_ease)
    Vcpu::here().schedule();
  else
    Vcpu::here().notify();
}

bool WaitQueue::wait(Waiter& waiter, Time until) {
  const Masked masked;
  while (!waiter.done.load(std::memory_order_acquire)) {
    if (now() >= until) {
      const Guard guard(*this);
      if (waiter.done.load(std::memory_order_acquire)) break;  // just in time
      waiters_.remove(&waiter);
      return false;
    }
    Vcpu::block(until);
  }
  return true;
}

void expect_may_wait(std::string_view what) {
  if (upcalls_masked()) panic("{} waits with upcalls masked, where nothing may wait", what);
}

}  // namespace candor::kernel
