// When a claim is to be looked at though nobody rings, in a form that stays right while
// time passes and other claims come and go: the earliest of three moments.
#pragma once

#include <algorithm>

#include "sched/types.h"

namespace candor::sched {

/// A look costs about as much as this; a closer one would find little more.
inline constexpr Duration kLeastLook = microseconds(20);

/// No such moment. Far less than what overflows when a processor's budgets are added to it.
inline constexpr Duration kForever{std::int64_t{1} << 61};

struct Look {
  Time at = Time::never();      // at this time
  Duration within = kForever;   // so long after the last decision
  Duration in_turn = kForever;  // so long after it, and after what those before this claim may use first
  Duration uses{};              // for that long those behind this claim do not run

  bool operator==(const Look&) const = default;

  /// The moment, after a decision at `decided`, with active claims before it that may use `ahead`.
  [[nodiscard]] constexpr Time by(Time decided, Duration ahead) const {
    const Duration wait = std::min(within, in_turn + ahead);
    const Time then = wait < kForever ? decided + wait : Time::never();
    return std::max(std::min(at, then), decided + kLeastLook);
  }
};

}  // namespace candor::sched
