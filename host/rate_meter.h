// A token bucket: how often somebody may be listened to.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace candor::host {

class RateMeter {
 public:
  /// `burst` at once and `per_second` in the long run; both at least 1.
  RateMeter(std::int64_t burst, std::int64_t per_second) : burst_(burst) { set_rate(per_second); }

  void set_rate(std::int64_t per_second) {
    interval_ = seconds(1).ns / std::max<std::int64_t>(per_second, 1);
  }

  /// True if another one is within the rate, which it then uses up. `now` never goes back.
  bool take(Time now) {
    full_at_ = std::max(full_at_, now);
    if ((full_at_ - now).ns > (burst_ - 1) * interval_) return false;
    full_at_ = full_at_ + Duration{interval_};
    return true;
  }

  /// When a quarter of the burst is there again: worth another look.
  [[nodiscard]] Time recovered() const { return full_at_ - Duration{(burst_ - burst_ / 4 - 1) * interval_}; }

 private:
  std::int64_t burst_;
  std::int64_t interval_ = 1;
  Time full_at_;  // when the bucket is full again; each token used moves it on
};

}  // namespace candor::host
