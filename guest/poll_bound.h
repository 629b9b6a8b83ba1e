// How long an idle vCPU may poll before it waits in the host. Pure; tested on the host.
#pragma once

#include "base/time.h"

namespace candor::kernel {

/// Grows while polling pays, shrinks to nothing while it does not. From nothing
/// it comes back when a wait turns out to have been short enough to poll.
class PollBound {
 public:
  static constexpr Duration kMost = microseconds(200);
  static constexpr Duration kFirst = microseconds(20);
  static constexpr Duration kLeast = microseconds(5);

  [[nodiscard]] constexpr Duration get() const { return bound_; }
  constexpr void hit() { bound_ = bound_ * 2 < kMost ? bound_ * 2 : kMost; }
  constexpr void miss() {
    bound_ = Duration{bound_.ns / 2};
    if (bound_ < kLeast) bound_ = {};
  }
  constexpr void waited(Duration length) {
    if (bound_.ns == 0 && length < kMost) bound_ = kFirst;
  }

 private:
  Duration bound_ = kFirst;
};

}  // namespace candor::kernel
