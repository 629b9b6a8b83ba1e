// Which records of a ring are whole in a copy that was made while its only writer went on (docs/abi.md,
// section 10). Freestanding.
#pragma once

#include <cstdint>

namespace candor {

struct TraceWindow {
  std::uint64_t first, end;  // numbers of records: the first, and the one behind the last
};

/// `before` and `after`: how many had been written when the copying began and when it was done. `room`:
/// records of the ring, at least 1. Empty where `after` is less than `before`, which no honest writer brings
/// about.
constexpr TraceWindow whole_records(std::uint64_t before, std::uint64_t after, std::uint64_t room) {
  if (after < before) return {before, before};
  // Number `after` may be under way, in the place of the one that is `room` less.
  const std::uint64_t first = after >= room ? after - room + 1 : 0;
  return {first < before ? first : before, before};
}

}  // namespace candor
