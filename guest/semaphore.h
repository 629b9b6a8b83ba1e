// A counting semaphore.
#pragma once

#include <cstdint>

#include "guest/clock.h"
#include "guest/wait_queue.h"

namespace candor {

/// So many units, which threads take and give back. Of those that wait the most urgent is served first.
/// Static, on a stack or in other objects; must outlive its use. A unit taken or given without anybody
/// waiting costs some 30 ns and no host call.
class Semaphore {
 public:
  /// `most`: units there may be at a time.
  explicit constexpr Semaphore(std::uint32_t units = 0, std::uint32_t most = UINT32_MAX)
      : units_(units), most_(most) {}
  ~Semaphore() { queue_.expect_empty("a semaphore"); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Takes a unit, waiting for it as long as it takes. Threads only.
  void acquire() { (void)take(kernel::WaitLimit::none()); }
  /// Takes a unit if there is one. Any context.
  [[nodiscard]] bool try_acquire();
  /// False if there was none until then. Threads only.
  [[nodiscard]] bool try_acquire_until(Time until) { return take(until); }
  [[nodiscard]] bool try_acquire_for(Duration most) { return try_acquire_until(now() + most); }
  /// Gives a unit. False, and nothing is changed, if there would be more than the most. Any context.
  [[nodiscard]] bool release();

  /// As of a moment ago.
  [[nodiscard]] std::uint32_t available() const { return __atomic_load_n(&units_, __ATOMIC_RELAXED); }

 private:
  [[nodiscard]] bool take(kernel::WaitLimit limit);

  kernel::WaitQueue queue_;
  std::uint32_t units_;
  std::uint32_t most_;
};

}  // namespace candor
