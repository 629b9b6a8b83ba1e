#include "guest/clock.h"

#include "guest/area.h"

namespace candor {
namespace {

struct Scale {
  std::uint32_t flags;
  std::uint64_t base_tsc, base_ns, mult, fallback_ns;
};

/// A whole copy of the clock, or false while the host writes.
bool read_scale(Scale& to) {
  using kernel::peek;
  const candor_clock& c = kernel::host_page().clock;
  const std::uint32_t seq = peek(c.seq);
  to = {peek(c.flags), peek(c.base_tsc), peek(c.base_ns), peek(c.mult), peek(c.fallback_ns)};
  return (seq & 1) == 0 && peek(c.seq) == seq;
}

Time apply(const Scale& scale) {
  if ((scale.flags & CANDOR_CLOCK_TSC) == 0) return Time{static_cast<std::int64_t>(scale.fallback_ns)};
  const std::uint64_t tsc = kernel::read_tsc();
  const std::uint64_t ticks = tsc > scale.base_tsc ? tsc - scale.base_tsc : 0;
  const auto scaled = static_cast<std::uint64_t>(static_cast<unsigned __int128>(ticks) * scale.mult >> 32);
  return Time{static_cast<std::int64_t>(scale.base_ns + scaled)};
}

Scale first_scale;

}  // namespace

Time now() {
  Scale scale;
  // A real-time vCPU may have preempted the host in the middle of its write and
  // would wait here for good, so after some looks it uses the first scale, which
  // later ones refine only.
  for (int looks = 0; looks < 100; looks++) {
    if (read_scale(scale)) return apply(scale);
    kernel::relax();
  }
  return apply(first_scale);
}

void kernel::start_clock() {
  while (!read_scale(first_scale)) relax();
}

Time epoch() {
  return Time{static_cast<std::int64_t>(kernel::host_page().epoch_ns)};
}

}  // namespace candor
