// Thirty-two flags that threads wait for.
#pragma once

#include <cstdint>

#include "guest/clock.h"
#include "guest/wait_queue.h"

namespace candor {

/// Must outlive its use. Setting flags visits all that wait.
class EventFlags {
 public:
  enum class Want : std::uint8_t { kAny, kAll };
  enum class Then : std::uint8_t { kKeep, kClear };  // those waited for, before anybody else sees them

  constexpr EventFlags() = default;
  ~EventFlags() { queue_.expect_empty("an event flag group"); }
  EventFlags(const EventFlags&) = delete;
  EventFlags& operator=(const EventFlags&) = delete;

  /// Any context. Who waits for what is then there goes on, the most urgent first: what one clears the next
  /// does not see.
  void set(std::uint32_t flags);
  void clear(std::uint32_t flags);
  [[nodiscard]] std::uint32_t get() const { return __atomic_load_n(&flags_, __ATOMIC_RELAXED); }

  /// Those of `flags` that were set when the wait ended; 0 if the time came first, or the thread was asked to
  /// end. `flags` of 0 is a bug, and
  /// panics. Threads only, unless `until` is past.
  [[nodiscard]] std::uint32_t wait(std::uint32_t flags, Want want = Want::kAny, Then then = Then::kClear,
                                   Time until = Time::never());
  [[nodiscard]] std::uint32_t wait_for(std::uint32_t flags, Duration most, Want want = Want::kAny,
                                       Then then = Then::kClear) {
    return wait(flags, want, then, now() + most);
  }

 private:
  struct Wait;
  [[nodiscard]] bool take(Wait& wait);

  kernel::WaitQueue queue_;
  std::uint32_t flags_ = 0;
};

}  // namespace candor
