#include "sched/standing.h"

namespace candor::sched {
namespace {

constexpr std::uint64_t kExhausted = std::uint64_t{1} << 41;
constexpr std::uint64_t kOverdrawn = std::uint64_t{1} << 40;

}  // namespace

Standing standing_of(const ClaimServer& server, VmId vm, std::uint32_t thread) {
  const Terms& terms = server.terms();
  const bool by_deadline = terms.cls == CANDOR_CLASS_DEADLINE;
  Standing s{.band = std::uint64_t{terms.cls} << 8 | (255 - terms.priority),
             .remaining = server.remaining(),
             .vm = vm,
             .thread = thread};
  if (server.overdrawn()) s.band |= kOverdrawn;
  if (server.exhausted()) s.band |= kExhausted;
  if (!by_deadline) return s;
  s.deadline = server.effective_deadline(Time{0});
  if (server.blocked()) s.floats = terms.relative_deadline;
  return s;
}

bool behind_all(const Standing& s) {
  return s.band >= kOverdrawn;
}

Time overtaken(const Standing& a, const Standing& b) {
  if (a.still() || a.band != b.band || a.floats < b.floats) return Time::never();
  const bool a_wins = wins_tie(a, b);
  if (a.floats == b.floats && a_wins) return Time::never();
  // `b` stands still until `a` reaches its deadline; with that, a tie, or a nanosecond later, `b` is first.
  return b.deadline - a.floats + nanoseconds(a_wins ? 1 : 0);
}

}  // namespace candor::sched
