// Xen's Credit2: credit burnt by weight, the most credit runs first (credit2_queue.h).
//
// Source: xen/common/sched/credit2.c; defaults from docs/misc/xen-command-line.pandoc
// (docs/simulator-rivals.md says which version). All are defaults: none are documented as better.
//
//  C1  The processors of a socket share a run queue, at most 16 (credit2_runqueue,
//      sched_credit2_max_cpus_runqueue); a machine is one socket.
//  C2  A processor is scheduled when it is told to be (tickled), when what runs there blocks, and when that
//      has run until its credit is that of the first that waits, or 0: 0.5 to 10 ms.
//  C3  Then the first that waits takes it, if it has more credit; one that ran elsewhere needs 0.5 ms more,
//      but not of an idle processor, and gets 50 us for having moved.
//  C4  What runs is not preempted in its first millisecond (sched_ratelimit_us).
//  C5  One that becomes ready, or was preempted, tickles an idle processor of its queue, where it ran if that
//      is one; else the one where it ran, if it has more credit than what runs there and C4 allows it; else
//      the one where it has most credit more, by 0.5 ms at least.
//  C6  When nobody who runs next or waits has credit left, the queue's credits are reset (Q3), and load is
//      balanced with the queue whose load differs most, if by 1, or by 1/8 where one has more vCPUs than
//      processors: one vCPU is pushed, or pulled, or both, such that the difference is least.
//  C7  A vCPU comes to the queue with the least load. Sleep does not change its queue.
//
// Left out: caps, soft and hard affinity, hyperthreads, yields. Favours the rival: without the exception in
// C3 an idle processor leaves alone who has burnt all its credit elsewhere.
#pragma once

#include <deque>
#include <vector>

#include "sim/host.h"
#include "sim/machine.h"
#include "sim/xen/credit2_queue.h"

namespace candor::sim {

class Credit2Host final : public Host {
 public:
  static constexpr std::uint32_t kProcessorsOfQueue = 16;
  static constexpr Duration kRateLimit = milliseconds(1), kTolerance = microseconds(50);
  static constexpr Duration kShortest = microseconds(500), kLongest = milliseconds(10);
  static constexpr Duration kMigrateResist = microseconds(500), kMigrateCompensation = microseconds(50);

  /// Outlives it.
  explicit Credit2Host(Machine& machine);

  void wake(Vcpu& vcpu) override;
  void sleep(Vcpu& vcpu) override;
  Vcpu* pick(std::uint32_t processor) override;
  [[nodiscard]] Duration limit(const Vcpu& vcpu) const override;
  void charge(Vcpu& vcpu, Duration ran) override;

 private:
  [[nodiscard]] Credit2Unit& unit(const Vcpu& vcpu) { return units_[vcpu.number]; }
  [[nodiscard]] Credit2Unit* current(std::uint32_t processor);
  [[nodiscard]] Credit2Unit* candidate(Credit2Queue& queue, std::uint32_t processor, Credit2Unit* current);
  [[nodiscard]] Duration runtime(const Credit2Unit& next, bool switched) const;
  void tickle(std::uint32_t processor);
  void tickle_for(Credit2Unit& fresh);
  [[nodiscard]] Duration score(const Credit2Unit& fresh, std::uint32_t processor);
  void enqueue(Credit2Unit& unit);
  void set_active(Credit2Unit& unit, bool active);
  void balance(Credit2Queue& local);
  void migrate(Credit2Unit& unit, Credit2Queue& to);
  void move(Credit2Unit& unit, Credit2Queue& to);

  Machine& machine_;
  std::vector<Credit2Unit> units_;  // by vCPU number
  std::deque<Credit2Queue> queues_;
  std::vector<Credit2Queue*> queue_of_;  // processor
  std::vector<bool> tickled_;            // processor: not scheduled since
};

}  // namespace candor::sim
