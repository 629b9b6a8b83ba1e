// The guests' clock: the host's monotonic time as a function of the TSC (docs/abi.md §3).
#pragma once

#include <cstdint>

#include "abi/candor.h"

namespace candor::vmm {

/// CLOCK_MONOTONIC in nanoseconds.
std::uint64_t monotonic_ns();

/// Two readings of both clocks taken together, and what follows.
struct TscScale {
  std::uint64_t tsc = 0;
  std::uint64_t ns = 0;
  std::uint64_t mult = 0;  // nanoseconds per tick, 32.32 fixed point
  bool usable = false;     // the kernel itself trusts the TSC
};

/// Takes 20 ms. Two readings that far apart put the rate within about 5 ppm;
/// GuestClock::refresh() corrects the rest while the VM runs.
TscScale calibrate_tsc();

/// Nanoseconds at `tsc` by the published formula.
std::uint64_t clock_ns(const candor_clock_scale& scale, std::uint64_t tsc);

/// Keeps one guest's clock. The only writer of its candor_clock.
class GuestClock {
 public:
  /// Publishes the clock for the first time.
  GuestClock(candor_clock& page, const TscScale& scale);
  /// To be called about once a second. Guests see no jump: the difference to the
  /// host's clock is worked off over the second that follows. Only after more than 10 ms,
  /// which means that the host was suspended or moved, is there a leap.
  void refresh();
  /// The same with given readings of both clocks, taken together.
  void refresh(std::uint64_t tsc, std::uint64_t ns);

 private:
  void publish(const candor_clock_scale& scale);

  candor_clock& page_;
  candor_clock_scale published_ = {};
  TscScale origin_;
};

}  // namespace candor::vmm
