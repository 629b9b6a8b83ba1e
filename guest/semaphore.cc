#include "guest/semaphore.h"

#include "guest/wait_guard.h"

namespace candor {

using namespace kernel;

bool Semaphore::try_acquire() {
  const WaitGuard guard(queue_);
  if (units_ == 0) return false;
  units_--;
  return true;
}

bool Semaphore::take(WaitLimit limit) {
  expect_may_wait("Semaphore::acquire");
  Waiter waiter;
  {
    const WaitGuard guard(queue_);
    if (units_ != 0) {
      units_--;
      return true;
    }
    queue_.add(waiter);
  }
  return queue_.wait(waiter, limit);
}

bool Semaphore::release() {
  ThreadControl* next = nullptr;
  {
    const WaitGuard guard(queue_);
    if (Waiter* first = queue_.first()) {
      next = queue_.satisfy(*first);  // the unit goes from hand to hand: nobody comes between
    } else {
      if (units_ == most_) return false;
      units_++;
    }
  }
  WaitQueue::wake(next);
  return true;
}

}  // namespace candor
