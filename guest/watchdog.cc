#include "guest/watchdog.h"

#include "guest/panic.h"
#include "guest/vcpu.h"
#include "guest/wait_guard.h"

namespace candor {
namespace kernel {

/// All watchdogs that are started. vCPU 0 looks at them when the first could be late; feeding one does not
/// change its place, so it is looked at once in a limit, however often it is fed.
class Watch {
 public:
  void start(Watchdog& watchdog);
  void stop(Watchdog& watchdog);
  /// On vCPU 0, masked.
  void look(Time t);

 private:
  struct Earlier {
    bool operator()(const Watchdog& a, const Watchdog& b) const { return a.due_ < b.due_; }
  };
  /// What is asked is asked by the function of this watchdog. vCPU 0 does nothing else meanwhile.
  [[nodiscard]] bool called_by(const Watchdog& watchdog) const {
    return Vcpu::here().index() == 0 && calling_.load(std::memory_order_relaxed) == &watchdog;
  }
  void tell_first() const {
    Vcpu::at(0).look_at(first_.front() != nullptr ? first_.front()->due_ : Time::never());
  }
  Watchdog* take_late(Time t);
  static void call(Watchdog& watchdog);

  WaitQueue calls_;  // wait for the end of the call; its lock guards all of this
  PairingHeap<Watchdog, &Watchdog::hook_, Earlier> first_;
  std::atomic<const Watchdog*> calling_{nullptr};
};

namespace {
constinit Watch watch;
}

void Watch::start(Watchdog& watchdog) {
  const Masked masked;
  bool is_first = false;
  {
    const WaitGuard guard(calls_);
    if (!called_by(watchdog))
      __builtin_memcpy(watchdog.owner_, Vcpu::here().current().name, sizeof watchdog.owner_);
    first_.remove(&watchdog);
    const Time t = now();
    watchdog.fed_.store(t.ns, std::memory_order_relaxed);
    watchdog.due_ = t + watchdog.limit_;
    watchdog.started_.store(true, std::memory_order_relaxed);
    first_.insert(&watchdog);
    is_first = first_.front() == &watchdog;
    tell_first();
  }
  if (is_first) Vcpu::at(0).notify();  // sets its timer
}

void Watch::stop(Watchdog& watchdog) {
  bool may_wait = false;
  {
    const Masked masked;
    may_wait = watchdog.function_ != nullptr && !called_by(watchdog);
  }
  if (may_wait) expect_may_wait("Watchdog::stop");
  for (;;) {  // what its function starts anew meanwhile is stopped as well
    Waiter waiter;
    {
      const WaitGuard guard(calls_);
      first_.remove(&watchdog);
      watchdog.started_.store(false, std::memory_order_relaxed);
      tell_first();
      if (!may_wait || calling_.load(std::memory_order_relaxed) != &watchdog) return;
      calls_.add(waiter);
    }
    (void)calls_.wait(waiter, WaitLimit::none());
  }
}

/// One that was not fed in time, which is not started any more, or null.
Watchdog* Watch::take_late(Time t) {
  const WaitGuard guard(calls_);
  Watchdog* late = nullptr;
  while (late == nullptr) {
    Watchdog* first = first_.front();
    if (first == nullptr || first->due_ > t) break;
    first_.remove(first);
    const Time fed{first->fed_.load(std::memory_order_relaxed)};
    Time due = fed + first->limit_;
    // Nobody could have fed it while the whole VM stood still. But that is an excuse once only.
    if (t >= first->due_ + first->limit_ && due <= t && first->excused_ != fed.ns) {
      first->excused_ = fed.ns;
      due = t + first->limit_;
    }
    if (due > t) {
      first->due_ = due;
      first_.insert(first);
    } else {
      // Under the lock: without a function nobody waits for the end of a call, so it could go meanwhile.
      if (first->function_ == nullptr)
        panic("watchdog {}: {} has not fed it for {}, but must every {}", first->name_, first->owner_,
              t - fed, first->limit_);
      first->started_.store(false, std::memory_order_relaxed);
      calling_.store(first, std::memory_order_relaxed);
      late = first;
    }
  }
  tell_first();
  return late;
}

/// Registers that the kernel does not touch, but applications do, belong to whoever was preempted.
void Watch::call(Watchdog& watchdog) {
  void* extended = Vcpu::here().current().extended;  // none, where there is only the kernel
  if (extended != nullptr) {
    save_extended(kernel.extended, extended);
    empty_x87();
  }
  watchdog.function_(watchdog.argument_);
  if (extended != nullptr) restore_extended(kernel.extended, extended);
}

void Watch::look(Time t) {
  while (Watchdog* late = take_late(t)) {
    call(*late);
    // From here on it may be gone: its function may have destroyed it, and who waits for the call may.
    {
      const WaitGuard guard(calls_);
      calling_.store(nullptr, std::memory_order_relaxed);
    }
    calls_.satisfy_all();
  }
}

void look_at_watchdogs(Time t) {
  watch.look(t);
}

}  // namespace kernel

using namespace kernel;

Watchdog::Watchdog(std::string_view name, Duration limit, void (*function)(void*), void* argument)
    : limit_(limit), function_(function), argument_(argument) {
  for (std::size_t i = 0; i < name.size() && i + 1 < sizeof name_; i++) name_[i] = name[i];
  if (limit.ns <= 0) panic("watchdog {}: the limit must be more than 0, but is {}", name_, limit);
  constexpr Duration kMost{INT64_MAX / 4};  // 73 years: later times can still be added up
  if (limit_ > kMost) limit_ = kMost;
}

void Watchdog::start() {
  watch.start(*this);
}

bool Watchdog::feed() {
  if (!started()) return false;
  // Who was preempted since it looked at the clock takes nothing back of what others have fed.
  const std::int64_t t = now().ns;
  std::int64_t before = fed_.load(std::memory_order_relaxed);
  while (before < t && !fed_.compare_exchange_weak(before, t, std::memory_order_relaxed)) {
  }
  return true;
}

void Watchdog::stop() {
  watch.stop(*this);
}

}  // namespace candor
