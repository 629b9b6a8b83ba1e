#include "guest/event_flags.h"

#include "guest/panic.h"
#include "guest/wait_guard.h"

namespace candor {

using namespace kernel;

struct EventFlags::Wait : Waiter {
  std::uint32_t flags = 0;
  Want want = Want::kAny;
  Then then = Then::kClear;
  std::uint32_t got = 0;
};

bool EventFlags::take(Wait& wait) {
  const std::uint32_t there = flags_ & wait.flags;
  if (wait.want == Want::kAll ? there != wait.flags : there == 0) return false;
  wait.got = there;
  if (wait.then == Then::kClear) flags_ &= ~there;
  return true;
}

void EventFlags::set(std::uint32_t flags) {
  // One at a time, so that the lock is held for as long as a look at those that wait takes and no longer.
  for (bool first = true;; first = false) {
    ThreadControl* served = nullptr;
    {
      const WaitGuard guard(queue_);
      if (first) flags_ |= flags;
      for (Waiter* w = queue_.first(); w != nullptr && served == nullptr; w = WaitQueue::next(*w)) {
        if (!take(static_cast<Wait&>(*w))) continue;
        served = queue_.satisfy(*w);
        break;
      }
    }
    if (served == nullptr) return;
    WaitQueue::wake(served);
  }
}

void EventFlags::clear(std::uint32_t flags) {
  const WaitGuard guard(queue_);
  flags_ &= ~flags;
}

std::uint32_t EventFlags::wait(std::uint32_t flags, Want want, Then then, Time until) {
  if (flags == 0) panic("EventFlags::wait: no flag is waited for");
  Wait self;
  self.flags = flags;
  self.want = want;
  self.then = then;
  const bool waits = now() < until;
  if (waits) expect_may_wait("EventFlags::wait");
  {
    const WaitGuard guard(queue_);
    if (take(self)) return self.got;
    if (!waits) return 0;
    queue_.add(self);
  }
  return queue_.wait(self, until) ? self.got : 0;
}

}  // namespace candor
