// When a thread that waits for its vCPU may be given to another. Pure; tested on the host.
#pragma once

#include "base/time.h"

namespace candor::kernel {

/// A thread that was woken and runs in a moment is better off where it is: a vCPU that sleeps takes 5 us and
/// more to wake.
constexpr Duration kPatience = milliseconds(1);
/// The least time between two moves of a thread. So it moves 100 times a second at most, whatever happens.
constexpr Duration kSettle = milliseconds(10);

class Patience {
 public:
  /// It runs, or waits for something else than a processor.
  void has_ended() { since_ = Time::never(); }
  /// It waits at `t`. When it may be given away, which is the case if that is not after `t`.
  Time may_move_at(Time t) {
    if (since_ == Time::never()) since_ = t;
    const Time patient = since_ + kPatience;
    return patient > settled_ ? patient : settled_;
  }
  void moves(Time t) {
    since_ = Time::never();
    settled_ = t + kSettle;
  }

 private:
  Time since_ = Time::never();  // as far as anybody looked
  Time settled_;
};

}  // namespace candor::kernel
