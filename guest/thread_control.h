// What the kernel keeps of a thread.
//
// Only the vCPU that carries the thread touches it, with upcalls masked; others
// reach it through `mail` and the inbox of its vCPU. So no lock guards it, and
// there is none that a preempted vCPU could hold.
#pragma once

#include <atomic>
#include <cstdint>

#include "abi/candor.h"
#include "guest/cpu_meter.h"
#include "guest/entry_set.h"
#include "guest/grid.h"
#include "guest/mail_word.h"
#include "guest/mpsc_stack.h"
#include "guest/ordered_list.h"
#include "guest/patience.h"
#include "guest/rank.h"
#include "guest/reserve.h"
#include "guest/terms.h"
#include "guest/wait_queue.h"

namespace candor::kernel {

class Vcpu;
struct MutexState;
struct Stack;
struct StaticThreadMemory;

/// A turn of fair and background threads that do not say how long theirs are.
constexpr Duration kSlice = milliseconds(4);

enum Mail : std::uint32_t {
  kMailUnpark = 1,
  kMailArrive = 2,     // carried by this vCPU from now on
  kMailHurry = 4,      // before all others from now on
  kMailWake = 8,       // what it waits for inside the kernel has come
  kMailPriority = 16,  // wanted_priority has been set
};

struct ThreadControl {
  // ---- context, while it does not run
  void* sp = nullptr;
  void* extended = nullptr;  // the extended state of a preempted thread, at the top of its stack

  // ---- place in its vCPU's order
  Rank base;  // by its terms and current job
  Rank rank;  // in force: the base, or higher while it holds a mutex that others want
  ListHook<ThreadControl> ready_hook;
  EntryHook ready_entry;  // its entry in the published ready list
  ListHook<ThreadControl> timer_hook;
  ListHook<ThreadControl> owned_hook;
  ListHook<ThreadControl> known_hook;  // in the list of all (inspect.cc)
  Time wake_at = Time::never();
  Slice slice;
  bool runnable = false;
  bool token = false;  // unparked; the next park returns at once
  bool parked = false;
  bool yields = false;
  bool exited = false;
  Vcpu* move_to = nullptr;          // to be carried by that vCPU as soon as it holds no mutex
  MutexState* held = nullptr;       // the mutexes it holds, linked
  MutexState* waits_for = nullptr;  // the mutex it waits for in the guest
  bool wants = false;               // counted in `wanted` of that mutex

  // ---- what it has used
  CpuMeter cpu;
  Duration cpu_settled;  // used by then, when the host last said what it had stolen

  Patience patience;
  std::atomic<std::uint32_t> moves{0};  // for want of its processor
  Reserve reserve;                      // where the guest serves its claim
  Vcpu* reserved_on = nullptr;          // the vCPU that has reserved_ppm for it
  std::uint32_t reserved_ppm = 0;

  // ---- reached by other vCPUs
  MailWord mail;
  std::atomic<Vcpu*> home{nullptr};
  ThreadControl* inbox_next = nullptr;
  std::atomic<std::uint8_t> wanted_priority{0};
  std::atomic<bool> in_waiters{false};  // linked into the waiters of a mutex
  ThreadControl* waiters_next = nullptr;
  std::atomic<bool> ended{false};
  std::atomic<bool> cancelled{false};  // asked to end
  std::atomic<std::uint32_t> references{
      1};             // the thread's own until it has ended, handles, its link in an inbox
  WaitQueue joiners;  // wait for its end; `ended` is set under their lock

  // ---- identity and terms
  std::uint32_t slot = CANDOR_NO_THREAD;
  char name[CANDOR_NAME_BYTES] = {};
  Terms terms;
  Claim claim;
  bool asked = false;          // the host has been asked for these terms, and may have admitted them
  bool awaits_answer = false;  // it has not answered yet; counted in kernel.answers_awaited
  candor_thread_stats* stats = nullptr;

  // ---- its periodic jobs
  bool began = false;  // it has run, if only for a moment
  Grid grid;
  bool in_job = false;
  bool job_counts = false;  // its release lies before the stop of the run
  Time job_deadline = Time::never();

  // ---- what it runs
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
  Stack* stack = nullptr;
  StaticThreadMemory* in_place = nullptr;  // where all of it is, if not on the heap

  /// One of the fair vCPUs that its terms permit.
  [[nodiscard]] bool may_run_on(std::uint32_t vcpu) const {
    return terms.vcpus == 0 || (terms.vcpus >> vcpu & 1) != 0;
  }
  /// When its turn among equals ends, while it runs.
  [[nodiscard]] Time slice_end() const {
    const bool takes_turns = rank.tier == Tier::kFair || rank.tier == Tier::kBackground;
    return slice.end(terms.slice.ns > 0 || !takes_turns ? terms.slice : kSlice);
  }
  [[nodiscard]] bool published() const { return slot != CANDOR_NO_THREAD; }
};

using Inbox = MpscStack<ThreadControl, &ThreadControl::inbox_next>;
using Waiters = MpscStack<ThreadControl, &ThreadControl::waiters_next>;

struct ReadyOrder {
  bool operator()(const ThreadControl& a, const ThreadControl& b) const { return precedes(a.rank, b.rank); }
};
struct TimerOrder {
  bool operator()(const ThreadControl& a, const ThreadControl& b) const { return a.wake_at < b.wake_at; }
};
struct NoOrder {
  bool operator()(const ThreadControl&, const ThreadControl&) const { return false; }
};
using ReadyQueue = OrderedList<ThreadControl, &ThreadControl::ready_hook, ReadyOrder>;
using PublishedReady = EntrySet<ThreadControl, &ThreadControl::ready_entry, CANDOR_MAX_THREADS>;
using TimerQueue = OrderedList<ThreadControl, &ThreadControl::timer_hook, TimerOrder>;
using OwnedList = OrderedList<ThreadControl, &ThreadControl::owned_hook, NoOrder>;

}  // namespace candor::kernel
