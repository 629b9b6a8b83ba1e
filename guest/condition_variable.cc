#include "guest/condition_variable.h"

#include "guest/wait_guard.h"

namespace candor {

using namespace kernel;

bool ConditionVariable::wait_within(Mutex& mutex, WaitLimit limit) {
  expect_may_wait("ConditionVariable::wait");
  Waiter waiter;
  {
    const WaitGuard guard(queue_);
    queue_.add(waiter);  // before the mutex is let go: no notification from then on is missed
  }
  mutex.unlock();
  const bool notified = queue_.wait(waiter, limit);
  mutex.lock();
  return notified;
}

void ConditionVariable::notify_one() {
  ThreadControl* next = nullptr;
  {
    const WaitGuard guard(queue_);
    if (Waiter* first = queue_.first()) next = queue_.satisfy(*first);
  }
  WaitQueue::wake(next);
}

void ConditionVariable::notify_all() {
  // Those that wait now, and not those that come back meanwhile: they have later turns.
  std::uint64_t last = UINT64_MAX;
  for (;;) {
    ThreadControl* next = nullptr;
    {
      const WaitGuard guard(queue_);
      if (last == UINT64_MAX) last = queue_.last_turn();
      for (Waiter* w = queue_.first(); w != nullptr; w = WaitQueue::next(*w)) {
        if (w->rank.turn > last) continue;
        next = queue_.satisfy(*w);
        break;
      }
    }
    if (next == nullptr) return;
    WaitQueue::wake(next);
  }
}

}  // namespace candor
