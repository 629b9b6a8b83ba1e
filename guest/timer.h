// Functions that are called at times.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest/clock.h"
#include "guest/pairing_heap.h"
#include "guest/terms.h"
#include "guest/thread.h"
#include "guest/wait_queue.h"

namespace candor {

class TimerThread;

/// Calls a function once, or periodically on a grid that does not drift. Must outlive its use. Starting and
/// stopping cost O(log n) of its thread's timers and no host call unless it is the first of them.
class Timer {
 public:
  /// In the thread `thread`, by default one that all timers share and that comes before all fair threads of
  /// its vCPU.
  Timer(void (*function)(void*), void* argument);
  Timer(TimerThread& thread, void (*function)(void*), void* argument)
      : thread_(&thread), function_(function), argument_(argument) {}
  /// As stop().
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// First then, and if `period` is not zero each period later, until it is stopped. Started anew, it forgets
  /// what was before. Any context.
  void start(Time first, Duration period = {});
  void start_after(Duration wait, Duration period = {}) { start(now() + wait, period); }
  /// The function is not called any more; if it is just being called, that is waited for, unless it is the
  /// function itself that stops its timer. Threads only.
  void stop();

  /// Is to be called some time. As of a moment ago.
  [[nodiscard]] bool started() const { return due_.load(std::memory_order_relaxed) != Time::never().ns; }
  /// How many calls of the grid were left out, since an earlier one came too late.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_.load(std::memory_order_relaxed); }

 private:
  friend class TimerThread;
  TimerThread* thread_;
  void (*function_)(void*);
  void* argument_;
  kernel::HeapHook<Timer> hook_;
  std::atomic<std::int64_t> due_{Time::never().ns};
  Duration period_;
  std::atomic<std::uint64_t> left_out_{0};
};

/// A thread that calls timers' functions, one after the other, in the order of their times.
class TimerThread {
 public:
  explicit TimerThread(std::string_view name, const Terms& terms = Terms::fixed(99, {}, {}));
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;

  /// That of timers that name none; made when it is first asked for.
  static TimerThread& shared();

 private:
  friend class Timer;
  struct Earlier {
    bool operator()(const Timer& a, const Timer& b) const { return a.due_ < b.due_; }
  };
  [[noreturn]] void run();
  void call(Timer& timer, Time t);

  kernel::WaitQueue stops_;  // wait for the end of the call; its lock guards all of this
  kernel::PairingHeap<Timer, &Timer::hook_, Earlier> timers_;
  Timer* calling_ = nullptr;
  bool stopped_while_called_ = false;
  Thread thread_;
};

}  // namespace candor
