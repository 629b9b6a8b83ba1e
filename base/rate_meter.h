// A token bucket: how much of something, or how often, somebody may have.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace candor {

class RateMeter {
 public:
  /// `burst` at once and `per_second` in the long run; both at least 1.
  RateMeter(std::int64_t burst, std::int64_t per_second) : burst_(burst) { set_rate(per_second); }

  void set_rate(std::int64_t per_second) { interval_ = seconds(1).ns / (per_second > 1 ? per_second : 1); }

  /// How much is within the rate. `now` never goes back.
  [[nodiscard]] std::int64_t left(Time now) const {
    const std::int64_t refill = full_at_ > now ? (full_at_ - now).ns : 0;
    const std::int64_t used = (refill + interval_ - 1) / interval_;
    return used < burst_ ? burst_ - used : 0;
  }

  /// Uses up `count`; more than left() delays what comes later.
  void use(std::int64_t count, Time now) {
    full_at_ = (full_at_ > now ? full_at_ : now) + Duration{count * interval_};
  }

  /// True if another one is within the rate, which it then uses up.
  bool take(Time now) {
    if (left(now) < 1) return false;
    use(1, now);
    return true;
  }

  /// When a quarter of the burst is there again: worth another look.
  [[nodiscard]] Time recovered() const { return full_at_ - Duration{(burst_ - burst_ / 4 - 1) * interval_}; }

 private:
  std::int64_t burst_;
  std::int64_t interval_ = 1;
  Time full_at_;  // when the bucket is full again; each token used moves it on
};

}  // namespace candor
