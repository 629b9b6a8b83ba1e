// The second of the two layers: how a guest's kernel runs its threads on the vCPUs it has.
// It acts only where it would: on a vCPU that has a processor. What befalls a vCPU that the host keeps
// waiting is seen when that runs again.
//
// G1  Deadline threads come first, by absolute deadline; then fixed ones, by priority; then
//     fair ones in turn, by the time they have had, kSlice at a time; then background ones.
// G2  A thread that becomes ready goes to its own vCPU, or to an idle one, or to the one
//     that runs the least urgent thread if that is less urgent.
// G3  A job that is late is done; releases whose deadlines have passed meanwhile are skipped and
//     count as misses, but those of a burst or a trace. Arrival::kRelative counts anew from the end of the
//     late job.
// G4  A mutex hands over to its most urgent waiter, and its owner inherits the most urgent one's urgency.
#pragma once

#include "sim/model.h"
#include "sim/result.h"

namespace candor::sim {

/// What a guest asks of whatever it runs on.
class Platform {
 public:
  virtual ~Platform() = default;
  [[nodiscard]] virtual Time now() const = 0;
  /// The first instruction that a vCPU executes from now on is executed then.
  [[nodiscard]] virtual Time first_instruction(const Vcpu& vcpu) const = 0;
  /// An idle vCPU has work.
  virtual void wake(Vcpu& vcpu) = 0;
  /// A vCPU that runs has no work.
  virtual void sleep(Vcpu& vcpu) = 0;
  /// Something more urgent waits on a vCPU that runs: dispatch() again.
  virtual void interrupt(Vcpu& vcpu) = 0;
  /// The thread's next_release or wakes_at has changed: timer() when the first of them has come.
  virtual void arm(Thread& thread) = 0;
  /// An owner of a lock inherits from a thread of another vCPU, or no longer does.
  virtual void inherit(Thread& owner) = 0;
  /// What an aware guest publishes of a thread has changed: a job has begun, ended or been replaced.
  virtual void publish(Thread& thread, bool ended) = 0;
  /// The results of the thread's set.
  virtual SetResult& results(const Thread& thread) = 0;
};

class Guest {
 public:
  static constexpr Duration kSlice = milliseconds(4);

  Guest(Vm& vm, Platform& platform) : vm_(vm), platform_(platform) {}

  /// Threads that are always ready begin, others wait for their first release.
  void start();
  /// The time of a thread's next release has come, or that at which it wakes.
  void timer(Thread& thread);
  /// The vCPU has a processor: chooses its thread, or sleeps. True if that is another thread than before.
  bool dispatch(Vcpu& vcpu);
  /// The vCPU's thread has computed for so long, at most until_step(). dispatch() when that is reached.
  void computed(Vcpu& vcpu, Duration time);
  /// For how long the current thread computes before computed() must be called; kForever: without end.
  [[nodiscard]] Duration until_step(const Vcpu& vcpu) const;
  /// The vCPU was taken off its processor.
  void preempted(Vcpu& vcpu);

 private:
  [[nodiscard]] Urgency urgency(const Thread& thread) const;
  [[nodiscard]] Thread* most_urgent(const Vcpu& vcpu) const;
  [[nodiscard]] Thread* choose(Vcpu& vcpu) const;
  void take_off(Vcpu& vcpu);
  void put_on(Vcpu& vcpu, Thread& thread);
  void hand_on();
  void expired(Thread& thread);
  void resume(Thread& thread);
  void release(Thread& thread);
  void begin(Thread& thread);
  void end(Thread& thread);
  void ready(Thread& thread);
  bool wake_idle(const Thread& thread);
  void catch_up(Thread& thread);
  [[nodiscard]] static Duration time_of_step(Thread& thread);
  void follow_steps(Thread& thread);
  void wake(Thread& thread);
  void lock(Thread& thread, std::uint32_t index);
  void unlock(Thread& thread, std::uint32_t index);
  void inherit(Lock& lock);
  void arm_next(Thread& thread);

  Vm& vm_;
  Platform& platform_;
};

}  // namespace candor::sim
