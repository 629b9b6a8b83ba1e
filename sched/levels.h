// From an order to SCHED_FIFO levels, with few changes: each change is a
// system call, and an order changes little from one event to the next.
//
//  L1  A vCPU that comes before another has a higher level, never the same,
//      as long as there are levels enough.
//  L2  As many vCPUs as possible keep the level they have.
//  L3  With more vCPUs than levels, those at the end of the order share the
//      lowest; the kernel then runs them first come, first served.
#pragma once

#include <cstddef>
#include <span>

namespace candor::sched {

/// SCHED_FIFO priorities the scheduler may give out, both included. Above the
/// kernel's lowest, so that ordinary FIFO housekeeping can be placed below, and
/// below candord itself, which must be able to take any rank back.
struct LevelRange {
  int lowest = 10;
  int highest = 70;
  [[nodiscard]] constexpr std::size_t count() const { return static_cast<std::size_t>(highest - lowest + 1); }
};

inline constexpr std::size_t kMaxLevelled = 512;

/// `levels` holds the level of each vCPU in the order wanted, first place
/// first (0: none yet), and receives the new ones. At most kMaxLevelled entries.
void assign_levels(std::span<int> levels, LevelRange range);

}  // namespace candor::sched
