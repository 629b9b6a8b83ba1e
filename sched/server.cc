#include "sched/server.h"

#include <algorithm>
#include <utility>

namespace candor::sched {

ClaimServer::ClaimServer(const Terms& terms, Time now)
    : terms_(terms),
      release_(now),
      earliest_(now),
      seen_inactive_(now),
      charged_(now),
      faded_(now),
      borrowed_(now),
      filled_(now) {
  last_.earliest = now;
}

void ClaimServer::renew() {
  last_.renewed = true;
  // What enforcement was late by is owed; what lay within the tolerance is not.
  const Duration owed = consumed_ - allowed();
  consumed_ = std::clamp(owed, Duration{0}, terms_.budget);
  extension_ = overdrawn_use_ = Duration{0};
  overdrawn_ = extended_ = exhausted_ = false;
}

void ClaimServer::extend(Duration slack) {
  // One that goes on and on has been given that already: it would be late for others at every start.
  const Duration room = std::min(limit() + grace() - consumed_ - overdrawn_use_, limit() * 2 - level_);
  const Duration more = std::min(slack, room);
  if (!overdrawn() || more < kLeastExtension) return;
  extension_ = consumed_ - limit() + more;
  extended_ = true;
  overdrawn_ = last_.overdrawn = false;
  last_.left = left();
}

void ClaimServer::forfeit() {
  if (!active_ || overdrawn_ || exhausted()) return;
  extension_ = consumed_ - limit();
  overdrawn_ = last_.overdrawn = true;
  extended_ = false;
  last_.left = Duration{0};
}

void ClaimServer::hold(Time until, Time now) {
  earliest_ = std::max(until, now);
  exhausted_ = last_.exhausted = earliest_ > now;
  held_ = true;
  if (!exhausted_ && active_) return start(now, now);
  if (active_)
    announced_ = earliest_;  // a job that came too soon
  else if (state_ == State::kWaiting)
    announced_ = std::max(announced_, earliest_);
}

Demand ClaimServer::demand(Time now) const {
  // A job that came too soon may use what is left of the running budget, then its own.
  const bool fresh = !active_ || release(now) > now;
  Duration running = active_ ? left() : Duration{0};
  if (running > Duration{0}) running += late_look();  // it may overrun, and is found late
  return {.deadline = server_deadline(now),
          .left = fresh ? running + limit() : running,
          .limit = limit(),
          .period = terms_.period};
}

// A job begins whose release may lie ahead (S2); its budget does not begin before.
void ClaimServer::start(Time release, Time now) {
  active_ = true;
  awaited_ = false;
  late_ = false;
  if (release <= now) {
    renew();
    consumed_ += left_after(unasked_, now - faded_);
    unasked_ = Duration{0};
    release_ = release;
    earliest_ = release + terms_.period;
    if (std::exchange(held_, false)) get_in_step();
    announced_ = release_;
  } else {
    // release_ stays: release() answers earliest_ for as long as announced_ says that a job came too soon.
    announced_ = release;
  }
}

// S12: a job that was due before its first budget could be leaves that to the next, whose release is thus
// none too soon.
void ClaimServer::get_in_step() {
  if (told_ >= release_) return;
  const std::int64_t periods = (release_ - told_).ns / terms_.period.ns;
  const Time in_step = told_ + Duration{periods * terms_.period.ns};
  if (in_step == release_) return;
  release_ = in_step;
  earliest_ = in_step + terms_.period;
  forfeit();
}

void ClaimServer::advance(Time now) {
  if (!active_ && state_ == State::kWaiting && announced_ <= now) {
    start(announced_, now);
    awaited_ = true;
  }
  if (active_ && announced_ > release_ && announced_ <= now)
    start(announced_, now);  // came too soon, now due
  if (active_ && now >= release_ + terms_.period && announced_ <= now) {
    const std::int64_t periods = (now - release_).ns / terms_.period.ns;
    release_ = release_ + Duration{periods * terms_.period.ns};
    announced_ = release_;
    earliest_ = release_ + terms_.period;
    late_ = true;
    renew();
  }
  if ((overdrawn_ || exhausted_) && now >= earliest_) renew();
  if (barred_ && now >= barred_until_) {
    barred_ = false;
    exhausted_ = exhausted_ || (active_ && release_ < now);
  }
}

void ClaimServer::report(const JobReport& job, Time now) {
  const Time told = time_of(job.release_ns);
  told_ = job.state == CANDOR_THREAD_BLOCKED ? Time::never() : told;
  has_own_deadline_ = job.deadline_ns != CANDOR_NO_TIME;
  own_deadline_ = time_of(job.deadline_ns);
  expected_ = Duration{static_cast<std::int64_t>(
      std::min<std::uint64_t>(job.expected_ns, static_cast<std::uint64_t>(kFarNs)))};

  if (job.state == CANDOR_THREAD_READY) {
    const bool was_blocked = state_ == State::kBlocked;
    const bool was_waiting = state_ == State::kWaiting;
    state_ = State::kReady;
    if (active_ && awaited_) {
      // The job that was waited for; the guest may say that it came later.
      awaited_ = false;
      job_ = job.job;
      release_ = std::max(release_, std::min(told, now));
      announced_ = release_;
      earliest_ = release_ + terms_.period;
      return;
    }
    if (active_ && job.job == job_) return;
    if (active_ && late_) {
      late_ = false;
      job_ = job.job;
      release_ = std::max(release_, std::min(told, now));
      announced_ = release_;
      earliest_ = release_ + terms_.period;
      return;
    }
    if (!active_ && was_blocked && job.job == job_ && now < earliest_ && !overdrawn_ && !exhausted()) {
      const Duration left = terms_.reserve() - consumed_;
      const Duration time_left = release_ + terms_.relative_deadline - now;
      using Wide = __int128;
      if (left > Duration{0} &&
          Wide{left.ns} * terms_.relative_deadline.ns <= Wide{time_left.ns} * terms_.reserve().ns) {
        active_ = true;
        announced_ = release_;
        return;
      }
    }
    Time floor = earliest_;
    if (was_waiting) floor = std::max(floor, std::min(announced_, seen_inactive_));
    if (was_blocked) floor = std::max(floor, seen_inactive_);
    job_ = job.job;
    start(std::max(std::min(told, now), floor), now);
    return;
  }

  seen_inactive_ = now;
  // Its release has come and its guest has still not run: the same job, not the next.
  if (active_ && awaited_ && job.state == CANDOR_THREAD_WAITING && told <= release_) return;
  const bool was_late = std::exchange(late_, false) && active_;
  active_ = false;
  awaited_ = false;
  if (job.state == CANDOR_THREAD_WAITING && told != Time::never()) {
    state_ = State::kWaiting;
    if (was_late && told <= now) {
      active_ = awaited_ = true;
      announced_ = release_;
      return;
    }
    announced_ = std::max(told, earliest_);
    if (announced_ <= now) {  // its release has come, its guest has not run since
      start(announced_, now);
      awaited_ = true;
      advance(now);
    }
  } else {
    state_ = State::kBlocked;
    announced_ = Time::never();
  }
}

void ClaimServer::charge(Duration used, Time now, Time due) {
  used = std::clamp(used, Duration{0}, std::max(now - charged_, Duration{0}));
  if (last_.exhausted) used = Duration{0};  // it ran as fair: no rank is given back between two charges
  // When the look itself comes that late, the processor was taken away from all: not the guest's fault.
  if (const Duration late = now - due; late > kLate) used = std::max(used - late, Duration{0});
  // What was used before the current release belongs to jobs that have ended.
  const Duration fresh =
      active_ ? std::min(used, std::max(now - std::max(release_, charged_), Duration{0})) : used;
  if (const Duration stale = used - fresh; stale > Duration{0} && last_.renewed && !last_.overdrawn) {
    const Time first = last_.active ? last_.earliest : std::max(last_.earliest, charged_);
    const std::int64_t whole_jobs = std::max<std::int64_t>((release_ - first).ns / terms_.period.ns, 0);
    const Duration rest = last_.active ? last_.left : kTail;
    const Duration over = stale - limit() * whole_jobs - rest;
    consumed_ += std::clamp(over, Duration{0}, limit());
  }
  fill(used, now);
  consume(fresh, now);
  charged_ = now;
  last_ = {.active = active_,
           .overdrawn = overdrawn_,
           .exhausted = exhausted(),
           .renewed = false,
           .earliest = earliest_,
           .left = left()};
}

void ClaimServer::charge_borrowed(Duration used, Time now) {
  used = std::clamp(used, Duration{0}, std::max(now - borrowed_, Duration{0}));
  borrowed_ = now;
  // Before its release it was not this job's; without a job it is held against the next.
  const Duration most = active_ ? std::max(now - release_, Duration{0}) : used;
  fill(used, now);
  consume(std::min(used, most), now);
  last_.overdrawn = overdrawn_;
  last_.exhausted = exhausted();
}

// S8. The level falls at the rate of the reserve. An honest claim never fills
// it beyond two budgets: one at the end of a period, one at the start of the next.
void ClaimServer::fill(Duration used, Time now) {
  level_ = left_after(level_, now - filled_) + used;
  filled_ = now;
}

void ClaimServer::consume(Duration used, Time now) {
  if (exhausted()) return;
  if (!active_ && !last_.active && earliest_ <= now)
    consume_unasked(used, now);
  else
    (overdrawn_ ? overdrawn_use_ : consumed_) += used;
  if (level_ >= burst()) {
    barred_ = true;
    barred_until_ = now + time_to_earn(level_ - limit());
  } else if (consumed_ + overdrawn_use_ >= limit() + grace()) {
    exhausted_ = true;
  } else if (consumed_ >= allowed()) {
    overdrawn_ = true;
  }
}

// S10.
void ClaimServer::consume_unasked(Duration used, Time now) {
  const Duration owed = std::max(consumed_ - limit(), Duration{0});  // by the last job
  consumed_ = Duration{0};
  unasked_ = left_after(unasked_ + owed, now - faded_) + used;
  faded_ = now;
  if (unasked_ < limit()) return;
  consumed_ = std::exchange(unasked_, Duration{0});
  release_ = now;
  earliest_ = now + terms_.period;
  if (announced_ != Time::never()) announced_ = std::max(announced_, earliest_);
}

Time ClaimServer::release(Time now) const {
  if (active_) return std::max(announced_, release_);
  if (state_ == State::kWaiting) return announced_;
  return std::max(now, earliest_);
}

Time ClaimServer::effective_deadline(Time now) const {
  const Time own = has_own_deadline_ ? own_deadline_ : Time{0};
  return std::max(server_deadline(now), own);
}

Time ClaimServer::replenish() const {
  if (!barred_) return earliest_;
  const Time free = exhausted_ ? std::max(earliest_, barred_until_) : barred_until_;
  if (!active_ || announced_ > release_ || free <= release_) return free;
  // A job that is under way then has its next budget with its next period (S8).
  const std::int64_t periods = ((free - release_).ns + terms_.period.ns - 1) / terms_.period.ns;
  return release_ + Duration{periods * terms_.period.ns};
}

Duration ClaimServer::remaining() const {
  return expected_.ns == 0 ? terms_.budget : expected_;
}

candor_thread_state ClaimServer::state() const {
  switch (state_) {
    case State::kReady:
      return CANDOR_THREAD_READY;
    case State::kWaiting:
      return CANDOR_THREAD_WAITING;
    case State::kBlocked:
      return CANDOR_THREAD_BLOCKED;
  }
  return CANDOR_THREAD_BLOCKED;
}

Look ClaimServer::look(Time now, bool alone) const {
  if (exhausted()) return {.at = replenish()};
  const Duration slack = late_look();
  // Alone, being overdrawn changes nothing, and whatever it is, only its burst is to be watched.
  const Duration room = alone || overdrawn_ ? rank_left() : left();
  if (active_) return {.at = release_ + terms_.period, .in_turn = room + slack, .uses = left()};
  if (overdrawn_) return {.at = earliest_, .in_turn = room + slack};
  const Duration trust = alone ? kTrustAlone : std::min(terms_.period, kTrustAlone);
  if (blocked()) {
    const Duration most = alone ? std::max(limit(), trust) : limit();
    if (earliest_ > now) return {.at = earliest_ + most};
    return {.within = most};
  }
  const Duration most = (alone ? std::max(rank_left(), limit()) : limit()) + slack;
  return {.at = release(now) + most, .within = trust + most};
}

Time ClaimServer::next_change(Time now) const {
  Time next = Time::never();
  if (active_)
    next = announced_ > release_ ? announced_ : release_ + terms_.period;
  else if (state_ == State::kWaiting)
    next = announced_;
  else if (earliest_ > now)
    next = earliest_;
  if (overdrawn_ || exhausted_) next = std::min(next, earliest_);
  if (barred_) next = std::min(next, barred_until_);
  return next;
}

}  // namespace candor::sched
