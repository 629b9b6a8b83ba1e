// What guest and host act on: threads, vCPUs and VMs with their state.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

#include "base/time.h"
#include "sim/random.h"
#include "sim/workload.h"

namespace candor::sim {

struct Vcpu;
struct Vm;

inline constexpr std::uint32_t kNowhere = ~0u;
inline constexpr Duration kForever{std::numeric_limits<std::int64_t>::max() / 4};

/// Which of two threads of a VM its guest runs first: the smaller one.
struct Urgency {
  int cls = 3;           // deadline, fixed, fair, background
  std::int64_t key = 0;  // absolute deadline, -priority, time it has had
  auto operator<=>(const Urgency&) const = default;
};

struct Thread {
  enum class State {
    kSleeping,  // until its next release
    kWaiting,   // for a wake-up
    kPaused,    // in a step that sleeps
    kLocked,    // for a lock
    kReady,     // has work; runs if `on` is set and that vCPU has a processor
  };

  const ThreadSpec* spec = nullptr;
  Vm* vm = nullptr;
  std::uint32_t index = 0;   // in its VM
  std::uint32_t number = 0;  // in the workload
  Vcpu* bound = nullptr;     // the only vCPU that runs it; none: all that are shared
  Vcpu* home = nullptr;      // where it ran last: its timers are there
  Vcpu* on = nullptr;        // whose current thread it is
  State state = State::kSleeping;

  Random random{0};
  std::deque<Time> released;  // whose jobs have not begun
  Time next_release = Time::never();
  std::size_t traced = 0;  // releases of spec->trace that have come
  // The current job or round.
  std::uint64_t job = 0;
  Time release;
  Time deadline = Time::never();
  bool begun = false;             // its first instruction has run
  std::size_t step = 0;           // of spec->steps
  Duration left;                  // of the step that computes
  Time wakes_at = Time::never();  // kPaused; never: it should be awake, and its vCPU does not know yet
  std::uint32_t holds = 0;        // locks
  std::uint32_t wakeups = 0;      // that came and were not waited for
  Urgency inherited;              // from those who wait for its locks

  Duration ran;
  Duration fair_ran;  // as the guest's fair order counts it
  Time ready_since;   // without a processor since then, while ready and not running
};

struct Lock {
  Thread* owner = nullptr;
  std::vector<Thread*> waiters;
};

struct Vcpu {
  enum class State { kIdle, kReady, kRunning };

  Vm* vm = nullptr;
  std::uint32_t index = 0;
  std::uint32_t number = 0;  // in the workload
  bool shared = true;        // runs every thread of its VM that is bound to none
  State state = State::kIdle;
  std::uint32_t processor = kNowhere;  // where it runs, or ran last
  Thread* current = nullptr;
  Duration slice_left;              // of the current thread in the guest's fair order
  bool woken = false;               // and has not run since
  std::vector<Thread*> interrupts;  // timers that fired while it was ready but did not run
  Duration ran;
};

struct Vm {
  const VmSpec* spec = nullptr;
  std::uint32_t index = 0;
  bool aware = false;
  std::deque<Thread> threads;
  std::deque<Vcpu> vcpus;
  std::vector<Lock> locks;
};

}  // namespace candor::sim
