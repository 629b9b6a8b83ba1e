// The reserve behind a real-time thread where no host serves its claim: so much processor time in each
// period. Pure; tested on the host.
//
//  R1  A job may use its budget and blocking, and a tenth more, at least 50 us, as with the host
//      (sched/server.h, S6).
//
//  R2  A period begins with a job's release, but not before the last one's end: a job that comes sooner has
//      what is left (S2).
//
//  R3  A thread that is still at work at the end of its period has the next one at once (S4).
//
//  R4  A thread that has used its reserve runs as fair until the end of its period. This is a hard
//      reservation (Rajkumar, Juvva, Molano and Oikawa 1998, "Resource kernels"), as SCHED_DEADLINE has it,
//      but what nobody else wants is not withheld. A constant-bandwidth server (Abeni and Buttazzo 1998)
//      would let it go on with a later deadline: before all fixed and fair threads, who would wait for a
//      mistake without end.
//
//  R5  No deadline is before the period's begin and the claimed relative deadline, whatever the thread says
//      (O3); so in a period that came by R3 it is later than that of the job, as a constant-bandwidth server
//      has it.
//
// What the host has besides, a place between the claims and fair work for what overruns and a bound
// over many periods (S6, S8), is there for lies; the threads of one guest are one application.
#pragma once

#include "base/time.h"

namespace candor::kernel {

class Reserve {
 public:
  /// What a job may use of `reserve`, its budget and blocking (R1).
  static constexpr Duration limit_of(Duration reserve) {
    const Duration tenth{reserve.ns / 10};
    return reserve + (tenth < microseconds(50) ? microseconds(50) : tenth);
  }

  /// None: never used up.
  constexpr Reserve() = default;
  /// `reserve` > 0 in each `period`, the first from `begin` on; `used` is the thread's processor time so far.
  constexpr Reserve(Duration reserve, Duration period, Time begin, Duration used)
      : limit_(limit_of(reserve)), period_(period), begin_(begin), base_(used) {}

  [[nodiscard]] constexpr bool active() const { return period_.ns > 0; }
  [[nodiscard]] constexpr bool exhausted() const { return exhausted_; }
  [[nodiscard]] constexpr Time begin() const { return begin_; }
  /// When the next budget comes if the thread goes on.
  [[nodiscard]] constexpr Time replenish() const { return begin_ + period_; }
  /// When it will be used up, or the period over, if the thread runs from `now` on.
  [[nodiscard]] constexpr Time look_at(Time now, Duration used) const {
    const Time out = now + (limit_ - (used - base_));
    return out < replenish() ? out : replenish();
  }

  /// The thread's next job is released at `at`, which may lie ahead (R2).
  constexpr void release(Time at, Duration used) {
    if (at >= replenish()) start(at, used);
  }
  /// The thread is ready at `now` and has used so much. True if it has run out or has a new budget.
  constexpr bool advance(Time now, Duration used) {
    const bool was = exhausted_;
    bool fresh = false;
    if (now >= replenish()) {
      start(begin_ + period_ * ((now - begin_).ns / period_.ns), used);
      fresh = true;
    }
    exhausted_ = exhausted_ || used - base_ >= limit_;
    return fresh || exhausted_ != was;
  }

 private:
  constexpr void start(Time begin, Duration used) {
    begin_ = begin;
    base_ = used;
    exhausted_ = false;
  }

  Duration limit_;
  Duration period_;
  Time begin_;
  Duration base_;  // the thread's processor time when the period began
  bool exhausted_ = false;
};

}  // namespace candor::kernel
