// Waiting for a state that a mutex guards.
#pragma once

#include "guest/clock.h"
#include "guest/mutex.h"
#include "guest/wait_queue.h"

namespace candor {

/// Must outlive its use. All that wait at a time use the same mutex.
class ConditionVariable {
 public:
  constexpr ConditionVariable() = default;
  ~ConditionVariable() { queue_.expect_empty("a condition variable"); }
  ConditionVariable(const ConditionVariable&) = delete;
  ConditionVariable& operator=(const ConditionVariable&) = delete;

  /// Lets `mutex`, which the caller holds, go, waits for a notification and takes it again. Somebody else may
  /// have changed the state in between: look again, in a loop.
  void wait(Mutex& mutex) { (void)wait_within(mutex, kernel::WaitLimit::none()); }
  /// False if no notification came until then. The mutex is held again in either case.
  bool wait_until(Mutex& mutex, Time until) { return wait_within(mutex, until); }
  bool wait_for(Mutex& mutex, Duration most) { return wait_until(mutex, now() + most); }

  /// Waits until holds() does, which is asked with the mutex held.
  template <typename Holds>
  void wait(Mutex& mutex, Holds holds) {
    while (!holds()) wait(mutex);
  }
  /// The same at most until then; what holds() says at the end.
  template <typename Holds>
  [[nodiscard]] bool wait_until(Mutex& mutex, Time until, Holds holds) {
    while (!holds())
      if (!wait_until(mutex, until)) return holds();
    return true;
  }

  /// The most urgent of those that wait goes on; nobody waits, nothing happens. Any context, with the mutex
  /// held or not.
  void notify_one();
  /// All of them.
  void notify_all();

 private:
  bool wait_within(Mutex& mutex, kernel::WaitLimit limit);

  kernel::WaitQueue queue_;
};

}  // namespace candor
