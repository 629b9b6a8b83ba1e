// How long an idle vCPU may poll before it waits in the host. Pure; tested on the host.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace candor::kernel {

/// Follows what polling has brought lately. The bound grows while idle periods end
/// so soon that a little more would have caught their end, and shrinks while they
/// are longer than anybody should poll. After polling in vain it pauses for some
/// idle periods, twice as many each time, so that it costs next to nothing where it
/// never pays: where more wants the processor than the host knows of, for example.
class PollBound {
 public:
  static constexpr Duration kMost = microseconds(200);
  static constexpr Duration kFirst = microseconds(20);
  static constexpr Duration kLeast = microseconds(5);
  static constexpr std::uint32_t kLongestPause = 256;  // idle periods

  /// For the idle period that begins now; zero: do not poll.
  constexpr Duration next() {
    if (to_pause_ > 0) {
      to_pause_--;
      return {};
    }
    return bound_;
  }
  /// Polling caught the end of the idle period.
  constexpr void hit() { pause_ = 0; }
  /// It did not; the period ended after `length` in all.
  constexpr void missed(Duration length) {
    const Duration wanted = length <= kMost ? bound_ * 2 : Duration{bound_.ns / 2};
    bound_ = wanted > kMost ? kMost : wanted < kLeast ? kLeast : wanted;
    pause_ = pause_ == 0 ? 1 : pause_ * 2 < kLongestPause ? pause_ * 2 : kLongestPause;
    to_pause_ = pause_;
  }

 private:
  Duration bound_ = kFirst;
  std::uint32_t pause_ = 0;
  std::uint32_t to_pause_ = 0;
};

}  // namespace candor::kernel
