// The server behind one admitted claim: it turns what a guest says about its
// jobs into releases, deadlines and a budget that a lie cannot improve.
//
//  S1  Server deadline = release + admitted relative deadline.
//  S2  Releases are at least a period apart. A job that comes sooner keeps
//      what is left of the running budget and gets the deadline of the next.
//  S3  No release is earlier than the job can have begun: not before the
//      announced release of a job that was waited for (or, if it came sooner
//      than announced, the last time the claim was seen waiting), not before
//      the last time a blocked claim was seen blocked.
//  S4  A job still active a period after its release is given a new budget,
//      and its release and deadline move on by the period.
//  S5  Wake-up rule: a job that was blocked goes on with its deadline if what
//      is left of its budget still fits its bandwidth until then; otherwise
//      it counts as the next job (S2).
//  S6  Hard reservation: having consumed budget + tolerance, the claim is
//      exhausted and has no rank until its release + period.
//  S7  A waiting claim has the deadline of its next job: the announced
//      release, or the earliest that S2 permits if that is later. A blocked
//      one is taken to be released now.
//
// Time comes in as an argument; it must lie in [0, kFarNs) and not go back.
#pragma once

#include "sched/types.h"

namespace candor::sched {

/// How far consumption may pass the budget before S6 applies. A job that needs
/// exactly its budget must never be punished for what the guest did not do:
/// the interrupt and context switch charged to it at each activation (27 to
/// 54 us measured on a slow machine) and clock error in proportion. It costs
/// others at most that much a period, and the processor limit (admission.h)
/// leaves more than that unassigned.
constexpr Duration tolerance(Duration budget) {
  return microseconds(50) + Duration{budget.ns / 50};
}

/// Longest time for which a claim that says it waits is taken at its word
/// before its consumption is looked at again.
inline constexpr Duration kTrustWaiting = milliseconds(100);

class ClaimServer {
 public:
  ClaimServer() = default;
  /// The first release is at `now` or later.
  ClaimServer(const Terms& terms, Time now);

  /// What the guest says about its job. Call advance() first.
  void report(const JobReport& job, Time now);

  /// Moves releases on to `now` (S4) and replenishes.
  void advance(Time now);

  /// Adds processor time used since the previous call, then applies S6. Call
  /// after report(), so that time used before the current release is not
  /// held against the current job.
  void charge(Duration used, Time now);

  [[nodiscard]] const Terms& terms() const { return terms_; }
  /// A job is under way, or its announced release has come.
  [[nodiscard]] bool active() const { return active_; }
  [[nodiscard]] bool exhausted() const { return exhausted_; }
  /// Of the current job while active, else of the next (S7).
  [[nodiscard]] Time release(Time now) const;
  [[nodiscard]] Time server_deadline(Time now) const { return release(now) + terms_.relative_deadline; }
  [[nodiscard]] Time effective_deadline(Time now) const;
  /// Expected remaining run time; the budget where the guest does not say.
  [[nodiscard]] Duration remaining() const;
  [[nodiscard]] Duration expected() const { return expected_; }
  [[nodiscard]] Duration consumed() const { return consumed_; }
  [[nodiscard]] Duration limit() const { return terms_.budget + tolerance(terms_.budget); }
  /// Time of the next budget: meaningful while exhausted.
  [[nodiscard]] Time replenish() const { return earliest_; }
  [[nodiscard]] bool blocked() const { return state_ == State::kBlocked; }
  [[nodiscard]] candor_thread_state state() const;

  /// When this claim needs a look even if nobody rings: the earliest moment at
  /// which it could exhaust, be replenished or move on. After `now`.
  [[nodiscard]] Time next_look(Time now) const;

 private:
  enum class State { kReady, kWaiting, kBlocked };
  void start(Time release, Time now);
  void renew();

  Terms terms_;
  State state_ = State::kBlocked;
  bool active_ = false;  // current release_ has a job
  bool exhausted_ = false;
  bool awaited_ = false;            // active because an announced release came; the guest has not spoken yet
  Time release_;                    // of the current or last job
  Time earliest_;                   // no later release before this
  Time announced_ = Time::never();  // next release while waiting
  Time seen_inactive_;              // last time the guest said that no job was there
  Time charged_;                    // time of the last charge
  Time own_deadline_ = Time::never();
  bool has_own_deadline_ = false;
  Duration expected_;
  Duration consumed_;
  std::uint64_t job_ = 0;
};

}  // namespace candor::sched
