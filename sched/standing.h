// Where a claim stands (order.h), as a function of time: what a blocked claim's
// next deadline is moves on with every moment (server.h, S7), all else stands still.
// So an order that was right stays right until the first overtaken() of two neighbours.
#pragma once

#include <algorithm>

#include "sched/order.h"
#include "sched/server.h"

namespace candor::sched {

struct Standing {
  std::uint64_t band = 0;    // all that comes before deadlines: the lower the better
  Time deadline{};           // not before this; 0 where deadlines do not count
  Duration floats = kStill;  // nor before now + this
  Duration remaining{};
  VmId vm = 0;
  std::uint32_t thread = 0;

  static constexpr Duration kStill{-(std::int64_t{1} << 62)};

  bool operator==(const Standing&) const = default;
  [[nodiscard]] constexpr bool still() const { return floats == kStill; }
  [[nodiscard]] constexpr Time deadline_at(Time now) const { return std::max(deadline, now + floats); }
};

/// Places of claims that are not exhausted, as order.h has them; those that are come behind all of these.
[[nodiscard]] Standing standing_of(const ClaimServer& server, VmId vm, std::uint32_t thread);

/// True if this stands behind all claims that are not overdrawn or exhausted.
[[nodiscard]] bool behind_all(const Standing& s);

/// Of two whose deadlines are the same or do not count: true if `a` comes first (O2).
[[nodiscard]] constexpr bool wins_tie(const Standing& a, const Standing& b) {
  if (a.remaining != b.remaining) return a.remaining < b.remaining;
  return a.vm != b.vm ? a.vm < b.vm : a.thread < b.thread;
}

/// True if `a` comes before `b` at this time.
[[nodiscard]] constexpr bool precedes(const Standing& a, const Standing& b, Time now) {
  if (a.band != b.band) return a.band < b.band;
  const Time due_a = a.deadline_at(now), due_b = b.deadline_at(now);
  return due_a != due_b ? due_a < due_b : wins_tie(a, b);
}

/// The first time at which `b` comes before `a`, which precedes it now; never() if that will not be.
[[nodiscard]] Time overtaken(const Standing& a, const Standing& b);

}  // namespace candor::sched
