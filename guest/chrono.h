// The guest's clock for std::chrono. What takes a Duration or a Time takes std::chrono's as well
// (base/time.h).
#pragma once

#include <chrono>

#include "guest/clock.h"

namespace candor {

/// now() as std::chrono's clocks have it (requirements TrivialClock). Its epoch is the host's start.
class Clock {
 public:
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;

  /// No host call. Any context.
  static time_point now() noexcept { return candor::now(); }
};

}  // namespace candor
