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
//      and its release and deadline move on by the period. The next job, if its release has come when that
//      one ends, goes on with both: it was due then anyway. (By S2 it would be due a period late, so would
//      end late itself, and one outage would make all that follow late.)
//  S5  Wake-up rule: a job that was blocked goes on with its deadline if what
//      is left of its reserve still fits its bandwidth until then; otherwise
//      it counts as the next job (S2).
//  S6  Having consumed its limit, the claim is overdrawn until its
//      release + period: it stands behind all claims that are not (order.h, O5).
//      What it uses there costs no other claim anything, and counts for S8 only.
//      Having used grace() there, it is exhausted for the rest of that period.
//      Where the others leave slack (slack.h) the scheduler may extend() what the
//      current job may use before that, within grace(), and only to a claim that is not
//      further ahead of its rate (S8) than an honest one may be: two limits.
//  S7  A waiting claim has the deadline of its next job: the announced
//      release, or the earliest that S2 permits if that is later. A blocked
//      one is taken to be released now.
//  S8  In the long run consumption with rank keeps to limit / period, whatever
//      is said of jobs: beyond burst() ahead of that rate the claim is
//      exhausted, has no rank at all, until it is one limit ahead, and then for the rest of the period of a
//      job that is under way: all of a budget in a part of its period is not what admission expects. Releases
//      do not move by it: a claim that recovers has the deadlines it had.
//  S9  What was used since the last charge counts for the jobs that can have
//      been there by S2; more than these may use counts for the current one.
//  S10 What is used while no job is there, and the last one's period is over,
//      is held against the next job; it fades at the rate of S8, since the odd
//      microseconds of a sleeping vCPU must not add up. A whole limit of it was a job.
//
//  S11 What less urgent threads use at the claim's rank, on its own vCPU or another, is use of its job: the
//      limit has room for its blocking beside its budget.
//  S12 A claim that comes after others have gone may have no budget before a certain time (changes.cc).
//      Until then it is exhausted. A job that is due before that has S13 from then on until its next release,
//      so that those that follow are in step with the guest's.
//  S13 A job may have no budget: one that goes on on another processor (loss.cc). It is overdrawn until the
//      claim's next release, but may be given slack (S6).
//
// Time comes in as an argument; it must lie in [0, kFarNs) and not go back.
#pragma once

#include <algorithm>

#include "sched/look.h"
#include "sched/slack.h"
#include "sched/types.h"

namespace candor::sched {

/// Longest time for which a claim that says it has no job is taken at its word
/// before its consumption is looked at again, where it shares its processor with
/// no other claim: a lie delays fair work only, and S8 makes it repay. Where there
/// are others a waiting one is believed for a period, a blocked one not at all.
inline constexpr Duration kTrustAlone = milliseconds(100);

/// The most that an overdrawn claim may use with a rank, however long its period. It is there for
/// what is charged to a job though it was not there: a host that is itself a VM is kept from its
/// processor for milliseconds, and counts them as run time of whatever ran. It is short of
/// what makes the kernel defend ordinary threads against real-time ones (50 ms in a second).
inline constexpr Duration kMostGrace = milliseconds(20);

/// How long a thread may go on after it has said that its job is over.
inline constexpr Duration kTail = microseconds(50);

/// A look that comes later than this has been kept from the processor itself, by
/// whatever is below this host. Ordinary lateness, timers and interrupts, is well below.
inline constexpr Duration kLate = milliseconds(1);

/// Less slack than this is not worth a change of places.
inline constexpr Duration kLeastExtension = microseconds(2);

/// How much later than the earliest possible moment a claim is looked at for
/// an overrun. A job that needs all of its budget is over by then, wake-up and
/// interrupts included, and has cost no look; one that overruns does so for this
/// much longer, and S8 takes it off the next budget. Slack that is given to a job ends when it ends.
constexpr Duration look_slack(Duration budget) {
  return microseconds(50) + Duration{budget.ns / 16};
}

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
  /// held against the current job. `due`: when the look was to be at which this is found (look()); what was
  /// used between then and a look later by more than kLate is forgiven.
  void charge(Duration used, Time now, Time due = Time::never());

  /// Lets an overdrawn job use `slack` more in its place, as far as S6 permits. One that is over has used
  /// what it had, and nothing of it is owed.
  void extend(Duration slack);

  /// The job under way, if there is one, is overdrawn (S13).
  void forfeit();

  /// No budget before `until` (S12), which may take back an earlier call. Not for one that has a job under
  /// way with a budget.
  void hold(Time until, Time now);

  /// Adds time that another vCPU used with this claim's rank.
  void charge_borrowed(Duration used, Time now);

  [[nodiscard]] const Terms& terms() const { return terms_; }
  /// A job is under way, or its announced release has come.
  [[nodiscard]] bool active() const { return active_; }
  [[nodiscard]] bool exhausted() const { return exhausted_ || barred_; }
  /// Its budget is used up, its burst is not; never together with exhausted().
  [[nodiscard]] bool overdrawn() const { return overdrawn_ && !exhausted(); }
  /// Of the current job while active, else of the next (S7).
  [[nodiscard]] Time release(Time now) const;
  [[nodiscard]] Time server_deadline(Time now) const { return release(now) + terms_.relative_deadline; }
  [[nodiscard]] Time effective_deadline(Time now) const;
  /// Expected remaining run time; the budget where the guest does not say.
  [[nodiscard]] Duration remaining() const;
  [[nodiscard]] Duration expected() const { return expected_; }
  [[nodiscard]] Duration consumed() const { return consumed_; }
  [[nodiscard]] Duration limit() const { return terms_.limit; }
  [[nodiscard]] Duration grace() const { return std::min(limit() * 2, kMostGrace); }
  /// How far a claim may be ahead of its rate (S8). An honest one is never more than two limits
  /// ahead, the end of one period and the start of the next.
  [[nodiscard]] Duration burst() const { return limit() * 2 + grace(); }
  /// Time of the next budget: meaningful while overdrawn or exhausted.
  [[nodiscard]] Time replenish() const;
  /// No next release, so no next budget, before this.
  [[nodiscard]] Time earliest() const { return earliest_; }
  /// When its rate has given back all that it used with a rank so far (S8).
  [[nodiscard]] Time even() const { return filled_ + time_to_earn(level_); }
  [[nodiscard]] bool blocked() const { return state_ == State::kBlocked; }
  [[nodiscard]] candor_thread_state state() const;

  /// When this claim needs a look even if nobody rings: the earliest moment at
  /// which it could be overdrawn (`alone`: exhausted), replenished or move on, and look_slack() later.
  /// Holds until the claim is told something or next_change(). `alone`: no other claim shares its processor.
  [[nodiscard]] Look look(Time now, bool alone) const;
  /// When advance() next changes something or look() answers otherwise, if nothing is said until then.
  [[nodiscard]] Time next_change(Time now) const;
  /// The most a job under way may still use before it is overdrawn.
  [[nodiscard]] Duration left() const { return std::max(allowed() - consumed_, Duration{0}); }
  /// The most that this claim may use from now on before it is overdrawn.
  [[nodiscard]] Demand demand(Time now) const;

 private:
  enum class State { kReady, kWaiting, kBlocked };
  // As it was at the last charge: what has been used since is judged by that.
  struct LastCharge {
    bool active = false;
    bool overdrawn = false;
    bool exhausted = false;
    bool renewed = false;  // since then
    Time earliest;
    Duration left;
  };
  void start(Time release, Time now);
  void get_in_step();
  void renew();
  void fill(Duration used, Time now);
  void consume_unasked(Duration used, Time now);
  /// What the current job may use before it is overdrawn.
  [[nodiscard]] Duration allowed() const { return limit() + extension_; }
  /// What its rate permits in this time.
  [[nodiscard]] Duration earned(Duration time) const {
    // The product fits but for absurdly long times; a 128-bit division takes several times as long.
    std::int64_t product = 0;
    if (!__builtin_mul_overflow(time.ns, limit().ns, &product)) return {product / terms_.period.ns};
    return Duration{static_cast<std::int64_t>(__int128{time.ns} * limit().ns / terms_.period.ns)};
  }
  /// What is left of a use when its rate has worked on it for this time. Mostly nothing, and then nothing is
  /// divided.
  [[nodiscard]] Duration left_after(Duration use, Duration time) const {
    if (__int128{time.ns} * limit().ns >= __int128{use.ns} * terms_.period.ns) return {};
    return std::max(use - earned(time), Duration{0});
  }
  /// How much later than at the earliest moment an overrun of the current job is looked for.
  [[nodiscard]] Duration late_look() const { return extended_ ? Duration{0} : look_slack(terms_.budget); }
  /// How long its rate takes for this; at most kMaxPeriod.
  [[nodiscard]] Duration time_to_earn(Duration use) const {
    const __int128 wait = __int128{use.ns} * terms_.period.ns / limit().ns;
    return {static_cast<std::int64_t>(std::min<__int128>(wait, kMaxPeriod.ns))};
  }
  /// The most it may use with a rank before it is exhausted.
  [[nodiscard]] Duration rank_left() const {
    const Duration here = limit() + grace() - consumed_ - overdrawn_use_ - unasked_;
    return std::max(std::min(burst() - level_, here), Duration{0});
  }
  void consume(Duration used, Time now);

  Terms terms_;
  State state_ = State::kBlocked;
  bool active_ = false;  // current release_ has a job
  bool overdrawn_ = false;
  bool extended_ = false;           // the current job has been given slack
  bool exhausted_ = false;          // for this period (S6)
  bool held_ = false;               // no job has begun since hold()
  bool barred_ = false;             // exhausted by S8
  bool awaited_ = false;            // active because an announced release came; the guest has not spoken yet
  bool late_ = false;               // the current release is that of a job that should have ended before (S4)
  Time release_;                    // of the current or last job
  Time earliest_;                   // no later release before this
  Time announced_ = Time::never();  // next release while waiting
  Time told_ = Time::never();       // the last that the guest spoke of
  Time seen_inactive_;              // last time the guest said that no job was there
  Time charged_;                    // time of the last charge
  Time own_deadline_ = Time::never();
  bool has_own_deadline_ = false;
  Duration expected_;
  Duration consumed_;
  Duration extension_;      // of the current job's limit; negative: it has forfeited some of it
  Duration overdrawn_use_;  // since consumed_ reached what was allowed
  Duration unasked_;        // S10: none while a job is under way
  Time faded_;              // when unasked_ was brought up to date
  Time borrowed_;           // time of the last charge_borrowed()
  LastCharge last_;
  Time barred_until_;
  Duration level_;  // S8
  Time filled_;     // when level_ was brought up to date
  std::uint64_t job_ = 0;
};

}  // namespace candor::sched
