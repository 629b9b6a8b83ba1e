#include "sim/guest.h"

#include <algorithm>
#include <utility>

namespace candor::sim {
namespace {

constexpr Duration kBetweenLies = microseconds(50);

bool realtime(const Thread& t) {
  return sim::realtime(*t.spec);
}

Duration relative_deadline(const ThreadSpec& spec) {
  return spec.deadline.ns > 0 ? spec.deadline : spec.period;
}

}  // namespace

Urgency Guest::urgency(const Thread& t) const {
  Urgency own;
  switch (t.spec->cls) {
    case CANDOR_CLASS_DEADLINE:
      own = {0, t.deadline.ns};
      break;
    case CANDOR_CLASS_FIXED:
      own = {1, -static_cast<std::int64_t>(t.spec->priority)};
      break;
    case CANDOR_CLASS_BACKGROUND:
      own = {3, t.fair_ran.ns};
      break;
    default:
      own = {2, t.fair_ran.ns};
  }
  return t.holds > 0 ? std::min(own, t.inherited) : own;
}

// ------------------------------------------------------------------ releases

void Guest::start() {
  for (Thread& t : vm_.threads) {
    if (t.spec->arrival == Arrival::kAlways) {
      release(t);
      continue;
    }
    if (t.spec->arrival == Arrival::kTrace) {
      if (!t.spec->trace->empty()) t.next_release = platform_.now() + t.spec->trace->front().release;
      platform_.publish(t, false);
      platform_.arm(t);
      continue;
    }
    const Duration offset = t.spec->offset.ns >= 0
                                ? t.spec->offset
                                : t.random.uniform(Duration{}, t.spec->period - nanoseconds(1));
    t.next_release = platform_.now() + offset;
    platform_.publish(t, false);
    platform_.arm(t);
  }
}

void Guest::arm_next(Thread& t) {
  const ThreadSpec& spec = *t.spec;
  Duration gap = spec.period;
  if (spec.arrival == Arrival::kSporadic && spec.spread.ns > 0) gap += t.random.exponential(spec.spread);
  if (spec.arrival == Arrival::kBursty) gap = spec.period * spec.burst;
  if (spec.arrival == Arrival::kTrace) {
    const auto& trace = *spec.trace;
    const std::size_t last = t.traced++;
    if (t.traced < trace.size())
      gap = trace[t.traced].release - trace[last].release;
    else
      t.next_release = Time::never();
  }
  t.next_release = t.next_release + gap;
  platform_.arm(t);
}

void Guest::timer(Thread& t) {
  const Time now = platform_.now();
  if (t.wakes_at <= now) {
    t.wakes_at = Time::never();
    expired(t);
  }
  if (t.next_release > now) return platform_.arm(t);
  const std::uint32_t jobs = t.spec->arrival == Arrival::kBursty ? t.spec->burst : 1;
  for (std::uint32_t i = 0; i < jobs; ++i) t.released.push_back(t.next_release);
  arm_next(t);
  if (t.state == Thread::State::kSleeping) expired(t);
}

// A vCPU that waits for a processor sees its timers when it has one.
void Guest::expired(Thread& t) {
  if (t.home->state == Vcpu::State::kReady)
    t.home->interrupts.push_back(&t);
  else
    resume(t);
}

void Guest::resume(Thread& t) {
  if (t.state == Thread::State::kSleeping && !t.released.empty())
    release(t);
  else if (t.state == Thread::State::kPaused && t.wakes_at == Time::never())
    ready(t);
}

void Guest::release(Thread& t) {
  begin(t);
  ready(t);
}

void Guest::begin(Thread& t) {
  t.release = platform_.now();
  if (!t.released.empty()) {
    t.release = t.released.front();
    t.released.pop_front();
  }
  t.deadline = relative_deadline(*t.spec).ns > 0 ? t.release + relative_deadline(*t.spec) : Time::never();
  t.begun = false;
  if (t.step >= t.spec->steps.size()) t.step = 0;
  t.left = Duration{};
  ++t.job;
}

void Guest::end(Thread& t) {
  if (t.spec->lie != Lie::kNone) {  // it never ends, and says something else each time
    t.step = 0;
    platform_.publish(t, true);
    return;
  }
  SetResult& results = platform_.results(t);
  const Time now = platform_.now();
  ++results.jobs;
  if (t.spec->arrival != Arrival::kAlways) {
    results.response.add(now - t.release);
    if (now > t.deadline) ++results.misses;
    while (!t.released.empty() && t.spec->arrival == Arrival::kPeriodic &&
           t.released.front() + relative_deadline(*t.spec) <= now) {
      t.released.pop_front();
      ++results.jobs;
      ++results.misses;
    }
    if (t.spec->arrival == Arrival::kRelative && !t.released.empty()) {
      t.released.assign(1, now);
      t.next_release = now + t.spec->period;
      platform_.arm(t);
    }
    if (t.released.empty()) {
      t.state = Thread::State::kSleeping;
      platform_.publish(t, true);
      return;
    }
  }
  begin(t);
  platform_.publish(t, true);
}

// --------------------------------------------------------------------- steps

// How long the step computes that the thread has come to; 0 if it does something else.
Duration Guest::time_of_step(Thread& t) {
  const ThreadSpec& spec = *t.spec;
  if (spec.lie == Lie::kOverrun) return kForever;
  if (spec.lie != Lie::kNone) return kBetweenLies;
  if (spec.arrival == Arrival::kTrace) return (*spec.trace)[t.job - 1].work;
  if (spec.steps.empty() && spec.work.ns == 0) return kForever;
  if (!spec.steps.empty() && spec.steps[t.step].kind != Step::Kind::kCompute) return {};
  const Duration time = spec.steps.empty() ? spec.work : spec.steps[t.step].time;
  if (spec.shortest >= 1) return time;
  const double part = spec.shortest + (1 - spec.shortest) * t.random.unit();
  return Duration{std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(time.ns) * part))};
}

// From where the thread is to where it computes, blocks or sleeps.
void Guest::follow_steps(Thread& t) {
  while (t.state == Thread::State::kReady && t.left.ns == 0) {
    const auto& steps = t.spec->steps;
    if (t.step >= std::max<std::size_t>(steps.size(), 1)) {
      end(t);
      continue;
    }
    t.left = time_of_step(t);
    if (t.left.ns > 0) return;
    const Step step = steps[t.step++];
    switch (step.kind) {
      case Step::Kind::kCompute:
        break;
      case Step::Kind::kLock:
        lock(t, step.target);
        break;
      case Step::Kind::kUnlock:
        unlock(t, step.target);
        break;
      case Step::Kind::kWake:
        wake(vm_.threads[step.target]);
        break;
      case Step::Kind::kWait:
        if (t.wakeups > 0)
          --t.wakeups;
        else
          t.state = Thread::State::kWaiting;
        break;
      case Step::Kind::kSleep:
        t.state = Thread::State::kPaused;
        t.wakes_at = platform_.now() + step.time;
        platform_.arm(t);
        break;
      case Step::Kind::kEnd:
        end(t);
        break;
    }
  }
}

void Guest::wake(Thread& t) {
  if (t.state == Thread::State::kWaiting)
    ready(t);
  else
    ++t.wakeups;
}

void Guest::lock(Thread& t, std::uint32_t index) {
  Lock& lock = vm_.locks[index];
  if (lock.owner == nullptr) {
    lock.owner = &t;
    ++t.holds;
    return;
  }
  t.state = Thread::State::kLocked;
  lock.waiters.push_back(&t);
  inherit(lock);
}

void Guest::unlock(Thread& t, std::uint32_t index) {
  Lock& lock = vm_.locks[index];
  if (lock.owner != &t) return;
  lock.owner = nullptr;
  if (--t.holds == 0 && t.inherited != Urgency{}) {
    t.inherited = Urgency{};
    platform_.inherit(t);
  }
  if (lock.waiters.empty()) return;
  const auto next = std::min_element(lock.waiters.begin(), lock.waiters.end(),
                                     [&](Thread* a, Thread* b) { return urgency(*a) < urgency(*b); });
  lock.owner = *next;
  lock.waiters.erase(next);
  ++lock.owner->holds;
  inherit(lock);
  ready(*lock.owner);
}

void Guest::inherit(Lock& lock) {
  Urgency most;
  for (const Thread* w : lock.waiters) most = std::min(most, urgency(*w));
  if (most >= lock.owner->inherited) return;
  lock.owner->inherited = most;
  platform_.inherit(*lock.owner);
}

// ------------------------------------------------------------------ dispatch

void Guest::ready(Thread& t) {
  t.state = Thread::State::kReady;
  t.ready_since = platform_.now();
  catch_up(t);
  if (wake_idle(t)) return;
  Vcpu* target = t.bound;
  if (target == nullptr) {
    for (Vcpu& v : vm_.vcpus)
      if (v.shared && v.current != nullptr &&
          (target == nullptr || urgency(*target->current) < urgency(*v.current)))
        target = &v;
  }
  if (target == nullptr || target->state != Vcpu::State::kRunning) return;  // it will look when it runs
  const Urgency own = urgency(t);
  const Urgency other = target->current != nullptr ? urgency(*target->current) : Urgency{4};
  if (own.cls < other.cls || (own.cls < 2 && own < other)) platform_.interrupt(*target);
}

// A vCPU that has nothing to do takes the thread: the one where it ran, or the first.
bool Guest::wake_idle(const Thread& t) {
  const auto takes = [&](const Vcpu& v) {
    return v.state == Vcpu::State::kIdle && (t.bound != nullptr ? t.bound == &v : v.shared);
  };
  Vcpu* target = takes(*t.home) ? t.home : nullptr;
  for (Vcpu& v : vm_.vcpus)
    if (target == nullptr && takes(v)) target = &v;
  if (target != nullptr) platform_.wake(*target);
  return target != nullptr;
}

// A fair thread that slept does not get the time that it did not ask for.
void Guest::catch_up(Thread& t) {
  if (realtime(t)) return;
  Duration least = kForever;
  for (const Thread& o : vm_.threads)
    if (&o != &t && o.state == Thread::State::kReady && !realtime(o)) least = std::min(least, o.fair_ran);
  if (least != kForever) t.fair_ran = std::max(t.fair_ran, least - kSlice);
}

Thread* Guest::most_urgent(const Vcpu& vcpu) const {
  Thread* best = nullptr;
  Urgency most;
  for (Thread& t : vm_.threads) {
    if (t.state != Thread::State::kReady || (t.on != nullptr && t.on != &vcpu)) continue;
    if (t.bound != nullptr ? t.bound != &vcpu : !vcpu.shared) continue;
    const Urgency u = urgency(t);
    if (best != nullptr && most <= u) continue;
    best = &t;
    most = u;
  }
  return best;
}

// The thread that the vCPU is to run; none: it has no work.
Thread* Guest::choose(Vcpu& vcpu) const {
  Thread* next = most_urgent(vcpu);
  Thread* current = vcpu.current;
  if (next == nullptr || current == nullptr || next == current) return next;
  // Fair threads take turns: the one that runs goes on until its slice is over.
  const Urgency a = urgency(*next), b = urgency(*current);
  return a.cls == b.cls && a.cls >= 2 && vcpu.slice_left.ns > 0 ? current : next;
}

void Guest::take_off(Vcpu& vcpu) {
  Thread* t = std::exchange(vcpu.current, nullptr);
  if (t == nullptr) return;
  t->on = nullptr;
  if (t->state != Thread::State::kReady) return;
  t->ready_since = platform_.now();
  static_cast<void>(wake_idle(*t));
}

bool Guest::dispatch(Vcpu& vcpu) {
  for (Thread* t : vcpu.interrupts) resume(*t);
  vcpu.interrupts.clear();
  const Thread* before = vcpu.current;
  for (;;) {
    if (vcpu.current != nullptr && vcpu.current->state != Thread::State::kReady) take_off(vcpu);
    Thread* next = choose(vcpu);
    if (next != vcpu.current) take_off(vcpu);
    if (next == nullptr) {
      platform_.sleep(vcpu);
      return false;
    }
    if (vcpu.current == nullptr || vcpu.slice_left.ns <= 0) vcpu.slice_left = kSlice;
    put_on(vcpu, *next);
    follow_steps(*next);
    if (next->state != Thread::State::kReady || next != choose(vcpu)) continue;
    if (!next->begun) put_on(vcpu, *next);  // the next job at once
    if (before == nullptr && next->bound != nullptr) hand_on();
    return next != before;
  }
}

// A vCPU that was woken for a thread that any may run has come to one that is bound to it.
void Guest::hand_on() {
  for (const Thread& t : vm_.threads)
    if (t.state == Thread::State::kReady && t.on == nullptr && t.bound == nullptr && wake_idle(t)) return;
}

void Guest::put_on(Vcpu& vcpu, Thread& t) {
  vcpu.current = &t;
  t.on = &vcpu;
  t.home = &vcpu;
  SetResult& results = platform_.results(t);
  const Time first = platform_.first_instruction(vcpu);
  if (t.ready_since != Time::never()) {
    results.longest_gap = std::max(results.longest_gap, first - t.ready_since);
    t.ready_since = Time::never();
  }
  if (t.begun) return;
  t.begun = true;
  if (t.spec->arrival != Arrival::kAlways) results.wakeup.add(first - t.release);
  platform_.publish(t, false);
}

Duration Guest::until_step(const Vcpu& vcpu) const {
  const Thread& t = *vcpu.current;
  return realtime(t) || vm_.threads.size() == 1 ? t.left : std::min(t.left, vcpu.slice_left);
}

void Guest::computed(Vcpu& vcpu, Duration time) {
  Thread& t = *vcpu.current;
  t.ran += time;
  t.fair_ran += time;
  vcpu.slice_left -= time;
  platform_.results(t).work += time;
  if (t.left != kForever) t.left -= time;
  if (t.left.ns == 0) ++t.step;
}

void Guest::preempted(Vcpu& vcpu) {
  if (vcpu.current != nullptr) vcpu.current->ready_since = platform_.now();
}

}  // namespace candor::sim
