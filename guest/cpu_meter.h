// Processor time of a thread, counted at dispatches. Pure; tested on the host.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "base/time.h"

namespace candor::kernel {

/// One writer, the vCPU that carries the thread; anybody may read. One word says both what was used and
/// whether the thread runs, so a reader is never between the two and the writer's part of a dispatch is one
/// store.
class CpuMeter {
 public:
  /// It runs from `t` on. Nothing if it does already.
  void start(Time t) {
    const Word w = word();
    if (!w.runs) put({t.ns - w.value, true});
  }
  /// It has run up to `t`. Nothing if it does not run.
  void stop(Time t) {
    const Word w = word();
    if (w.runs) put({t.ns - w.value, false});
  }
  /// `d` of what was counted was not its own: at most what used() gives.
  void take_off(Duration d) {
    const Word w = word();
    put({w.runs ? w.value + d.ns : w.value - d.ns, w.runs});
  }
  /// By the writer.
  [[nodiscard]] Duration used(Time t) const {
    const Word w = word();
    return {w.runs ? t.ns - w.value : w.value};
  }
  /// As of a moment ago; by anybody.
  [[nodiscard]] bool runs() const { return word().runs; }
  /// By anybody; `now` reads the clock. Again if a dispatch came between, since the clock's time is not the
  /// word's then.
  template <typename Clock>
  [[nodiscard]] Duration read(Clock&& now) const {
    for (;;) {
      const std::int64_t before = word_.load(std::memory_order_acquire);
      const Word w = unpack(before);
      if (!w.runs) return {w.value};
      const Time t = now();
      if (word_.load(std::memory_order_acquire) == before) return {t.ns - w.value};
    }
  }

 private:
  /// Running: the time at which it would have begun had it run ever since. Else what it has used.
  struct Word {
    std::int64_t value;
    bool runs;
  };
  static constexpr Word unpack(std::int64_t word) { return {word >> 1, (word & 1) != 0}; }
  [[nodiscard]] Word word() const { return unpack(word_.load(std::memory_order_relaxed)); }
  void put(Word w) { word_.store(w.value * 2 + (w.runs ? 1 : 0), std::memory_order_release); }

  std::atomic<std::int64_t> word_{0};
};

/// What of `stolen` falls to one that counted `own` of `all`, in proportion. 0 <= own <= all.
constexpr Duration share_of_stolen(Duration stolen, Duration own, Duration all) {
  if (stolen.ns <= 0 || all.ns <= 0) return {};
  if (stolen >= all) return own;
  // 31 significant bits of each will do, and their product fits.
  const auto excess = [](Duration d) {
    const int bits = 64 - std::countl_zero(static_cast<std::uint64_t>(d.ns));
    return bits > 31 ? bits - 31 : 0;
  };
  const int shift = excess(all), shift_stolen = excess(stolen);
  const std::int64_t part = ((own.ns >> shift) * (stolen.ns >> shift_stolen) / (all.ns >> shift))
                            << shift_stolen;
  return {part < own.ns ? part : own.ns};
}

}  // namespace candor::kernel
