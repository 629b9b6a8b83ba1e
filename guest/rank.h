// The order in which a vCPU runs its threads. Pure; tested on the host.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace candor::kernel {

/// Lower tiers run first.
enum class Tier : std::uint8_t {
  kUrgent = 0,    // holds a mutex that somebody more important waits for, or is to end this VM
  kDeadline = 1,  // earliest deadline first
  kFixed = 2,     // highest priority first
  kFair = 3,      // in turns
  kBackground = 4,
  kNothing = 5,  // the idle context
};

/// Place among the threads of a vCPU: tier, then `key` (deadline, or priority
/// counted downwards), then `turn`, which counts on each time a thread queues
/// up anew, so that equals take turns and a preempted thread keeps its place.
struct Rank {
  Tier tier = Tier::kFair;
  std::int64_t key = 0;
  std::uint64_t turn = 0;

  static constexpr Rank urgent() { return {Tier::kUrgent, 0, 0}; }
  static constexpr Rank deadline(Time t) { return {Tier::kDeadline, t.ns, 0}; }
  static constexpr Rank fixed(std::uint8_t priority) { return {Tier::kFixed, 255 - priority, 0}; }
  static constexpr Rank fair() { return {Tier::kFair, 0, 0}; }
  static constexpr Rank background() { return {Tier::kBackground, 0, 0}; }
  static constexpr Rank nothing() { return {Tier::kNothing, 0, 0}; }
};

/// `a` matters more than `b`, whoever came first.
constexpr bool outranks(const Rank& a, const Rank& b) {
  return a.tier != b.tier ? a.tier < b.tier : a.key < b.key;
}

/// `a` stands before `b` in the run queue.
constexpr bool precedes(const Rank& a, const Rank& b) {
  return outranks(a, b) || (!outranks(b, a) && a.turn < b.turn);
}

/// Equals that may share by time slices.
constexpr bool shares_slices(const Rank& a, const Rank& b) {
  return a.tier == b.tier && a.key == b.key &&
         (a.tier == Tier::kFixed || a.tier == Tier::kFair || a.tier == Tier::kBackground);
}

/// For a rough comparison between vCPUs: more is less important. Deadlines and turns do not count.
constexpr std::uint32_t importance(const Rank& r) {
  return static_cast<std::uint32_t>(r.tier) << 8 |
         (r.tier == Tier::kFixed ? static_cast<std::uint32_t>(r.key) & 255 : 0);
}

/// A turn among equals. It goes on where it stopped when somebody more important came between, or
/// a thread that is often preempted would never have had its turn, and its equals never have theirs.
class Slice {
 public:
  void renew() { used_ = {}; }
  void begin(Time t) { since_ = t - used_; }
  void pause(Time t) { used_ = t - since_; }
  /// When it ends, while it runs; `length` zero: never.
  [[nodiscard]] Time end(Duration length) const { return length.ns > 0 ? since_ + length : Time::never(); }

 private:
  Duration used_;
  Time since_;
};

}  // namespace candor::kernel
