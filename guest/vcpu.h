// One virtual processor: the threads it carries, their order and their timers.
//
// All of it belongs to the vCPU and is touched on it only, with upcalls masked
// (marked "masked" below). Other vCPUs use post() and notify().
#pragma once

#include <atomic>
#include <cstdint>

#include "guest/admission.h"
#include "guest/area.h"
#include "guest/clock.h"
#include "guest/poll_bound.h"
#include "guest/thread_control.h"
#include "guest/trace_ring.h"

namespace candor::kernel {

/// How idle vCPUs wait (candor.idle= on the command line): as the host advises and
/// as it has paid, always polling first, or never.
enum class IdleMode : std::uint8_t { kCandid, kPoll, kHalt };

/// Facts about this run, set at boot.
struct Kernel {
  bool dedicated = false;           // the machine is its own: guest/hardware is the host
  bool aware = false;               // the host reads claims: publish them
  bool host_serves_claims = false;  // it is asked to; else the guest admits and enforces them
  bool publishes = false;           // who runs and what is ready, and each thread's job
  bool announces = true;            // when waiting threads will be due
  bool locks_inherit = true;        // who waits for another vCPU's lock lends it its rank, and does not spin
  IdleMode idle = IdleMode::kCandid;
  std::uint32_t vcpus = 1;
  std::uint32_t fair_vcpus = 1;
  ExtendedState extended;
  std::atomic<bool> booted{false};
  std::atomic<bool> stopping{false};              // the host asked for the end
  std::atomic<bool> ending{false};                // statistics are being closed
  std::atomic<std::uint64_t> idle_vcpus{0};       // fair ones that have nothing to do (share.cc)
  std::atomic<std::uint32_t> answers_awaited{0};  // to claims that the host has not answered in time
  std::atomic<ThreadControl*> main{nullptr};
  std::atomic<std::uint64_t> lock_waits{0};  // in the host
  std::atomic<std::uint64_t> lock_spins{0};  // rounds of spinning for a mutex
};
extern Kernel kernel;

/// How a trace names a thread, or none.
constexpr std::uint32_t trace_id(const ThreadControl* thread) {
  if (thread == nullptr) return CANDOR_TRACE_IDLE;
  return thread->published() ? thread->slot : CANDOR_TRACE_UNKNOWN;
}

class Vcpu {
 public:
  /// The one this runs on. Masked, and only until the next switch: afterwards
  /// the thread may be on another.
  static Vcpu& here();
  static Vcpu& at(std::uint32_t index);
  /// The fair vCPU that carries the fewest threads, of those on which this one may run.
  static Vcpu& for_fair_work(const ThreadControl& thread);
  /// The vCPU whose lock token is `token`, or nullptr.
  static Vcpu* by_lock_token(std::uint32_t token);

  /// Makes each, with its number. Once, at boot, before any other use.
  static void prepare_all();
  /// Takes over the boot stack as this vCPU's idle context and runs threads for good.
  [[noreturn]] static void run(std::uint32_t index);

  // ---- the carried threads (masked)
  [[nodiscard]] ThreadControl& current() { return *current_; }
  /// The same, or null where it is the idle context or nothing yet.
  [[nodiscard]] const ThreadControl* running() const { return current_ == &idle_ ? nullptr : current_; }
  /// Runs what is due: events, timers, then the thread that comes first. Returns when
  /// the caller is that thread (again). `preempted`: the caller did not ask for it.
  void schedule(bool preempted = false);
  /// Takes the current thread out until it is woken or the time comes. It may be woken
  /// without cause. `deadline` is that of the job it waits for, for publishing.
  static void block(Time until, Time deadline = Time::never());
  /// The same until unparked (true), or until the time comes.
  static bool park(Time until);
  /// Queues up behind all equals.
  static void yield();
  /// Ends the current thread.
  [[noreturn]] static void exit_current();
  /// Makes `thread` runnable; schedule() puts it into effect.
  void make_ready(ThreadControl& thread);
  /// The thread, which is carried here, belongs on `target`: it goes there now, or once it is off its stack
  /// and holds no mutex. On a fair vCPU already, it stays where it is unless it has a reserve elsewhere.
  void send_to(ThreadControl& thread, Vcpu& target);
  /// What each stack does first when it is switched to.
  void after_switch();
  void set_rank(ThreadControl& thread, Rank rank);
  /// A new base; in force at once unless a mutex is held, which may have lifted the rank.
  void set_base_rank(ThreadControl& thread, Rank base);
  /// The base that its reserve, which may have changed, gives it; and the clock for the next budget.
  void stand_by_reserve(ThreadControl& thread);
  void lift_if_wanted(ThreadControl& thread);
  /// Lends a higher rank to the thread, and on to the holder of the mutex that it waits for, and so on.
  void lend_rank(ThreadControl& thread, Rank rank);
  /// Gives a carried thread that holds a mutex the rank that it has from those who still wait for it.
  void review_rank(ThreadControl& thread);
  /// Another carried thread than the current one holds a mutex, so this vCPU must go on running.
  [[nodiscard]] bool must_go_on() const;
  /// The host is to be told that a job has ended, once the new state is published.
  void job_ended() { bell_due_ = true; }
  [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_relaxed); }

  // ---- reaching a thread or vCPU from anywhere (masked)
  static void unpark(ThreadControl& thread) { send(thread, kMailUnpark); }
  static void wake(ThreadControl& thread) { send(thread, kMailWake); }
  static void send(ThreadControl& thread, Mail mail);
  static void post(ThreadControl& thread, std::uint32_t mail);
  void notify();
  /// Looks at the watchdogs (watchdog.cc) at that time, or at once if it is past. Whoever calls notifies it,
  /// if that is sooner than it was.
  void look_at(Time t) { watch_at_.store(t.ns, std::memory_order_relaxed); }
  /// Counts one that is under way here, before it comes: who asks next for the vCPU with the
  /// fewest threads must know.
  void expect_thread() { population_.fetch_add(1, std::memory_order_relaxed); }
  /// Closes the statistics of the carried threads, once, whoever calls first.
  void finish_statistics();

  // ---- what it tells of itself (trace.cc)
  /// Keeps so many records from now on, a power of two. Once, at boot.
  void start_trace(std::uint32_t records);
  /// Notes an event of a thread, or of none, if there is a trace. Masked.
  void trace(candor_trace_event event, const ThreadControl* thread, std::uint32_t argument, Time t) {
    if (trace_ring_.on()) note(event, thread, argument, t);
  }
  /// The same now, which is asked for only if there is a trace.
  void trace(candor_trace_event event, const ThreadControl* thread, std::uint32_t argument) {
    if (trace_ring_.on()) note(event, thread, argument, now());
  }
  /// From any vCPU: to be read.
  [[nodiscard]] const TraceRing& trace_ring() const { return trace_ring_; }

  /// Of what may be reserved here. From any vCPU.
  [[nodiscard]] Room& room() { return room_; }
  [[nodiscard]] std::uint32_t index() const { return index_; }
  [[nodiscard]] std::uint32_t lock_token() const;
  [[nodiscard]] bool realtime() const { return peek(host_vcpu(index_).kind) == CANDOR_VCPU_REALTIME; }

  [[nodiscard]] candor_guest_vcpu& page() const { return vcpu_page(index_); }

 private:
  void take_events(Time t);
  void deliver(ThreadControl& thread, std::uint32_t mail);
  void take_inbox();
  void take_early_mail();
  void wake_sleepers(Time t);
  void review_claims();
  void lift_wanted_holders();
  void hand_over(ThreadControl& thread, Vcpu& to);
  ThreadControl* pick(Time t);
  void queue_up(ThreadControl& thread);
  void enqueue(ThreadControl& thread);
  void dequeue(ThreadControl& thread);
  void switch_to(ThreadControl& next, bool preempted);
  void look_around(const ThreadControl* next, Time t);
  void put_waiting(std::uint32_t change) {  // one writer, so no locked instruction
    waiting_.store(waiting_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
  }
  [[nodiscard]] Time watch_at() const { return Time{watch_at_.load(std::memory_order_relaxed)}; }
  void look_at_reserve(ThreadControl& thread, Time t);
  void account(ThreadControl& from, ThreadControl& to, Time t);
  void settle_stolen(std::uint64_t stolen, Time t);
  void arm_timer(const ThreadControl& running, Time t);

  // share.cc
  void ask_for_work(Time t);
  void has_work();
  void share_work(Time t);
  Vcpu* taker_for(const ThreadControl& thread);

  // idle.cc
  void idle(Time t);
  [[nodiscard]] bool may_poll() const;
  bool poll(Time until, Time give_up);

  // publish.cc
  void publish_dispatch(const ThreadControl* running, Time t);
  void ring_if_due();

  // trace.cc
  void note(candor_trace_event event, const ThreadControl* thread, std::uint32_t argument, Time t);
  void trace_dispatch(const ThreadControl* next, Time t) {
    if (trace_ring_.on() && next != dispatched_) note(CANDOR_TRACE_DISPATCH, dispatched_ = next, 0, t);
  }

  std::uint32_t index_ = 0;
  ThreadControl idle_;
  ThreadControl* current_ = nullptr;
  ThreadControl* left_ = nullptr;  // the thread just switched from, if it goes elsewhere
  ReadyQueue ready_;
  PublishedReady published_ready_;  // those of ready_ that the host knows
  TimerQueue timers_;
  OwnedList owned_;
  std::uint64_t turns_ = 0;
  Time armed_ = Time::never();  // when the host's timer for us fires
  bool bell_due_ = false;
  TraceRing trace_ring_;
  const ThreadControl* dispatched_ = nullptr;  // as the trace has it
  std::uint64_t stolen_ = 0;                   // as the host had it when it was last taken off
  PollBound poll_bound_;
  Inbox inbox_;
  std::atomic<bool> early_mail_{false};  // there is some for threads whose link is still to come
  std::atomic<std::uint32_t> population_{0};
  Room room_;
  std::atomic<std::uint32_t> waiting_{0};  // ready, and not running
  std::atomic<std::uint32_t> runs_{0};     // the importance of what it runs
  Time share_at_ = Time::never();          // when a waiting thread may be given away
  Time asked_;
  std::atomic<std::int64_t> watch_at_{Time::never().ns};  // look_at()
  std::atomic<bool> finished_{false};
};

/// What the extended state of a thread takes at the top of its stack, in bytes.
std::size_t extended_room();

/// What is left of a thread that has ended and is not on its stack any more, but for its control block. Its
/// vCPU's.
void release_thread(ThreadControl& thread);
/// Lets those go on that wait for the end of a thread, which has come.
void tell_end(ThreadControl& thread);
/// Who keeps a control block says so. Any context but an interrupt.
void retain(ThreadControl& thread);
void drop(ThreadControl& thread);

/// As if the host had asked this VM to end. Any context.
void ask_to_stop();

/// Sees which watchdogs have not been fed in time. On vCPU 0, masked.
void look_at_watchdogs(Time t);

/// Wakes all that wait there.
void wake_all(Waiters& waiters);

/// What must be done when the host or a colleague calls while nothing is
/// masked: unmasks and, if something came meanwhile, deals with it.
void unmask();

/// Keeps upcalls out for a scope. Inside another such scope it does nothing.
class Masked {
 public:
  Masked() : was_masked_(upcalls_masked()) { mask_upcalls(); }
  ~Masked() {
    if (!was_masked_) unmask();
  }
  Masked(const Masked&) = delete;
  Masked& operator=(const Masked&) = delete;

 private:
  bool was_masked_;
};

/// The same for a scope that may make threads ready: at its end those that come first run, at once or, inside
/// of another such scope, when that one ends.
class Waking {
 public:
  Waking() : at_ease_(!upcalls_masked()) {}
  ~Waking() {
    if (at_ease_)
      Vcpu::here().schedule();
    else
      Vcpu::here().notify();  // who unmasks then finds that there is something to look at
  }
  Waking(const Waking&) = delete;
  Waking& operator=(const Waking&) = delete;

 private:
  bool at_ease_;
  Masked masked_;
};

/// Writes the job line of a thread, if it has one and the host reads it (publish.cc).
void publish_job(const ThreadControl& thread, candor_thread_state state, Time release, Time deadline);
void publish_state(const ThreadControl& thread, candor_thread_state state);

}  // namespace candor::kernel
