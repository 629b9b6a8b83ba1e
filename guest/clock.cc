#include "guest/clock.h"

#include "guest/area.h"

namespace candor {
namespace {

Time apply(const candor_clock_scale& scale) {
  const std::uint64_t tsc = kernel::read_tsc();
  const std::uint64_t ticks = tsc > scale.base_tsc ? tsc - scale.base_tsc : 0;
  const auto scaled = static_cast<std::uint64_t>(static_cast<unsigned __int128>(ticks) * scale.mult >> 32);
  return Time{static_cast<std::int64_t>(scale.base_ns + scaled)};
}

}  // namespace

Time now() {
  using kernel::peek;
  const candor_clock& c = kernel::host_page().clock;
  if ((peek(c.flags) & CANDOR_CLOCK_TSC) == 0) return Time{static_cast<std::int64_t>(peek(c.fallback_ns))};
  for (;;) {  // more than once only if the host has just changed the scale
    const std::uint32_t seq = peek(c.seq);
    const candor_clock_scale& from = c.scale[seq & 1];
    const candor_clock_scale scale = {peek(from.base_tsc), peek(from.base_ns), peek(from.mult)};
    if (peek(c.seq) == seq) return apply(scale);
  }
}

Time epoch() {
  return Time{static_cast<std::int64_t>(kernel::host_page().epoch_ns)};
}

}  // namespace candor
