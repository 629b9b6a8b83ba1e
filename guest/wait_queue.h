// Threads that wait for the same thing, and how they get it: what semaphores, condition variables, event
// flags and message queues are made of.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "guest/clock.h"
#include "guest/ordered_list.h"
#include "guest/rank.h"

namespace candor::kernel {

struct ThreadControl;

/// How long a wait may take.
class WaitLimit {
 public:
  /// Until then, or until the thread is asked to end.
  constexpr WaitLimit(Time until) : until_(until) {}  // NOLINT(google-explicit-constructor)
  /// As long as it takes, whatever the thread is asked.
  static constexpr WaitLimit none() {
    WaitLimit limit(Time::never());
    limit.firm_ = true;
    return limit;
  }

  [[nodiscard]] Time until() const { return until_; }
  /// It is not over before it begins. Any context.
  [[nodiscard]] bool permits_waiting() const { return firm_ || now() < until_; }
  /// For this thread, which is the current one.
  [[nodiscard]] bool reached(const ThreadControl& thread) const;

 private:
  Time until_;
  bool firm_ = false;
};

/// One wait: on the stack of the thread that waits. What it waits for, and what it gets, its user adds.
struct Waiter {
  ThreadControl* thread = nullptr;
  Rank rank;  // when it began to wait; `turn`: after how many others of the same queue
  ListHook<Waiter> hook;
  std::atomic<bool> done{false};  // it has got what it waits for; from then on only its thread touches it
};

struct WaiterOrder {
  bool operator()(const Waiter& a, const Waiter& b) const { return precedes(a.rank, b.rank); }
};

/// In the order of their ranks, most urgent first, then as they came. All of it under the queue's lock
/// (WaitGuard) but wait() and wake(). Needs no memory but its own, and no preparation.
class WaitQueue {
 public:
  constexpr WaitQueue() = default;
  /// Nobody may wait any more, or it panics in the name of `owner`.
  void expect_empty(std::string_view owner) const;

  [[nodiscard]] bool empty() const { return waiters_.front() == nullptr; }
  [[nodiscard]] Waiter* first() { return waiters_.front(); }
  static Waiter* next(Waiter& waiter) { return List::next(&waiter); }

  /// The turn of who came last.
  [[nodiscard]] std::uint64_t last_turn() const { return turns_; }

  /// The current thread is to wait from now on.
  void add(Waiter& waiter);
  /// Gives the waiter what it waits for, as its user has noted in it. To be followed by wake() outside the
  /// lock.
  [[nodiscard]] ThreadControl* satisfy(Waiter& waiter);
  /// Outside the lock: satisfies and wakes all, also those that come meanwhile.
  void satisfy_all();
  /// Wakes the thread that satisfy() named; null: nobody. Masked or not.
  static void wake(ThreadControl* thread);

  /// Outside the lock, by the thread that was added: waits until it is satisfied (true), or until the limit
  /// is reached (false), and it is in the queue no more in either case.
  [[nodiscard]] bool wait(Waiter& waiter, WaitLimit limit);

 private:
  using List = OrderedList<Waiter, &Waiter::hook, WaiterOrder>;

  List waiters_;
  std::uint64_t turns_ = 0;
};

/// A thread that may wait calls, from where it may. Otherwise it panics in the name of `what`.
void expect_may_wait(std::string_view what);

}  // namespace candor::kernel
