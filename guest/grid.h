// The absolute grid of a periodic thread: release k is start + k * period, for
// good, whatever became of the releases before. Pure; tested on the host.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace candor::kernel {

class Grid {
 public:
  constexpr Grid() = default;
  constexpr Grid(Time start, Duration period, Duration relative_deadline)
      : start_(start),
        period_(period),
        relative_deadline_(relative_deadline.ns > 0 ? relative_deadline : period) {}

  [[nodiscard]] constexpr bool active() const { return period_.ns > 0; }
  [[nodiscard]] constexpr Time release(std::int64_t k) const { return start_ + period_ * k; }
  [[nodiscard]] constexpr Time deadline(std::int64_t k) const { return release(k) + relative_deadline_; }
  [[nodiscard]] constexpr Duration period() const { return period_; }
  /// Number of the release that has not started yet.
  [[nodiscard]] constexpr std::int64_t next() const { return next_; }

  /// Passes over the releases whose successor is due as well: a job that is a
  /// whole period late would only make the next one late. Returns how many of
  /// the releases passed over lie before `stop`.
  constexpr std::int64_t skip_overdue(Time now, Time stop) {
    const std::int64_t newest = newest_due(now);
    if (newest <= next_) return 0;
    const std::int64_t from = next_;
    next_ = newest;
    return counted(from, newest, stop);
  }

  constexpr void take() { next_++; }

  /// Gives up all releases before `end` that have not started; returns how many.
  constexpr std::int64_t finish(Time end) {
    if (!active()) return 0;
    const std::int64_t first_after = newest_due(end - nanoseconds(1)) + 1;
    if (first_after <= next_) return 0;
    const std::int64_t lost = first_after - next_;
    next_ = first_after;
    return lost;
  }

 private:
  /// Number of the last release that is not after `now`; -1 before the first.
  [[nodiscard]] constexpr std::int64_t newest_due(Time now) const {
    const std::int64_t since = (now - start_).ns;
    return since < 0 ? -1 : since / period_.ns;
  }
  /// How many of the releases [from, to) lie before `stop`.
  [[nodiscard]] constexpr std::int64_t counted(std::int64_t from, std::int64_t to, Time stop) const {
    const std::int64_t end = newest_due(stop - nanoseconds(1)) + 1;
    const std::int64_t last = to < end ? to : end;
    return last > from ? last - from : 0;
  }

  Time start_;
  Duration period_;
  Duration relative_deadline_;
  std::int64_t next_ = 0;
};

}  // namespace candor::kernel
