// A mutex that its holder may lock again.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest/mutex.h"

namespace candor {

/// As Mutex, inheritance included; unlocked when it has been unlocked as often as it was locked.
class RecursiveMutex {
 public:
  explicit RecursiveMutex(std::string_view name = "recursive") : mutex_(name) {}

  void lock() {
    if (!mutex_.held_by_current()) mutex_.lock();
    depth_++;
  }
  [[nodiscard]] bool try_lock_until(Time until) {
    if (!mutex_.held_by_current() && !mutex_.try_lock_until(until)) return false;
    depth_++;
    return true;
  }
  [[nodiscard]] bool try_lock() { return try_lock_until(Time{}); }
  [[nodiscard]] bool try_lock_for(Duration most) { return try_lock_until(now() + most); }
  /// By its holder, or it panics.
  void unlock() {
    if (mutex_.held_by_current() && --depth_ > 0) return;
    mutex_.unlock();
  }

 private:
  Mutex mutex_;
  std::uint32_t depth_ = 0;  // its holder's
};

}  // namespace candor
