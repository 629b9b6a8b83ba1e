// What notices that a thread does not do what it must.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/candor.h"
#include "guest/clock.h"
#include "guest/pairing_heap.h"

namespace candor {

namespace kernel {
class Watch;
}

/// To be fed by threads at least every so often. If it is not, it panics, or calls a function; once, since
/// then it is not started any more. It needs no thread for that: vCPU 0 sees to it in an upcall, so it makes
/// no difference which threads run or how urgent they are, and what loops on another vCPU with upcalls masked
/// is noticed, too. vCPU 0 itself must run, and take upcalls.
///
///   Watchdog alive("control loop", 20ms);
///   alive.start();
///   while (jobs.wait_next()) {
///     step();
///     alive.feed();
///   }
///
/// Each thread that must show signs of life has one of its own. Time is the guest's, and counts whatever it
/// is spent for; but if it was vCPU 0 that was late by another limit, such as when the VM was stopped, those
/// who feed have once more the limit from then on. Must outlive its use.
class Watchdog {
 public:
  /// `limit`: most between two feeds; must be more than 0, or it panics. Not started. Who does not feed it
  /// ends the VM, in a panic that names the watchdog, the thread that started it, the limit and the time
  /// since it was fed.
  Watchdog(std::string_view name, Duration limit) : Watchdog(name, limit, nullptr, nullptr) {}
  /// With `function(argument)` instead of the panic; null: the panic. It is called on vCPU 0 with upcalls
  /// masked, on the stack of whoever is there, so it must be short and may do what "any context" may: start
  /// the watchdog anew, raise a Deferred, panic. It may use all registers.
  Watchdog(std::string_view name, Duration limit, void (*function)(void*), void* argument);
  /// As stop().
  ~Watchdog() { stop(); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Counts as fed, and is to be fed from now on. Whoever calls is the thread to be named; if it is its
  /// function, the one before remains. Any context; O(log n) of those that are started, and up to a host
  /// call.
  void start();
  /// All is well. False, and nothing is changed, if it is not started: it never was, was stopped, or was not
  /// fed in time. Too late, but before vCPU 0 has noticed, is in time. By any thread, in any context; costs a
  /// look at the clock and a store, no host call.
  bool feed();  // NOLINT(modernize-use-nodiscard): who feeds in a loop need not ask
  /// Need not be fed any more; nothing, if it is not started. If its function is just being called, that is
  /// waited for, unless it is the function itself that stops it. With a function threads only, or it panics;
  /// else any context.
  void stop();

  /// As of a moment ago.
  [[nodiscard]] bool started() const { return started_.load(std::memory_order_relaxed); }
  /// Since it was fed or started, whichever was later. As of a moment ago.
  [[nodiscard]] Duration unfed_for() const { return now() - Time{fed_.load(std::memory_order_relaxed)}; }

 private:
  friend class kernel::Watch;
  char name_[CANDOR_NAME_BYTES] = {};
  char owner_[CANDOR_NAME_BYTES] = {};  // the thread that started it
  Duration limit_;
  void (*function_)(void*);
  void* argument_;
  std::atomic<bool> started_{false};
  std::atomic<std::int64_t> fed_{0};  // nanoseconds; never goes back
  std::int64_t excused_ = -1;         // the feed after which vCPU 0 was late
  kernel::HeapHook<Watchdog> hook_;
  Time due_;  // to be looked at; as it was fed by then
};

}  // namespace candor
