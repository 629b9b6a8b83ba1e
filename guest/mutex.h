// A mutex with priority inheritance, also across vCPUs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "guest/clock.h"

namespace candor {

namespace kernel {
struct MutexState;
struct ThreadControl;
class Vcpu;
/// Somebody who matters more than the thread waits for a mutex that it holds. On its vCPU, masked.
bool holds_wanted_mutex(const ThreadControl& thread);
/// The rank of a thread that waits for a mutex has risen. The holder, if it is on the same
/// vCPU; if it is not, its vCPU is told.
ThreadControl* pass_on_rank(ThreadControl& waiter, const Vcpu& here);
/// It waits in the guest for a mutex that `holder` holds. Both on this vCPU, masked.
bool waits_for(const ThreadControl& waiter, const ThreadControl& holder);
}  // namespace kernel

/// Not recursive; only the holder may unlock it. Must outlive its use; names one
/// of the shared area's lock words as long as it exists. Nothing of it is on the heap.
class Mutex {
 public:
  explicit Mutex(std::string_view name = "mutex");
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock();
  [[nodiscard]] bool try_lock();
  /// False if it was not to be had until then. While it waits, the holder has this thread's rank where that
  /// is higher.
  [[nodiscard]] bool try_lock_until(Time until);
  [[nodiscard]] bool try_lock_for(Duration most) { return try_lock_until(now() + most); }
  /// The calling thread holds it.
  [[nodiscard]] bool held_by_current() const;
  void unlock();

 private:
  [[nodiscard]] kernel::MutexState& state() const;

  alignas(8) mutable std::byte state_[56];
};

/// Holds a mutex for a scope.
class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace candor
