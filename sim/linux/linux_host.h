// The host kernel's classes, as far as they decide what vCPUs get: SCHED_DEADLINE, SCHED_FIFO, fair.
//
//  X1  Deadline servers come first, by absolute deadline: constant-bandwidth servers, throttled until their
//      deadline when their budget is used up (Documentation/scheduler/sched-deadline.rst, 2.1). One that
//      wakes keeps deadline and budget if these are no more than its bandwidth, and else begins a period. A
//      pinned one is in the exclusive cpuset of its processor (5); others run wherever less urgent work does
//      (global).
//  X2  Then FIFO by level, those of a level in the order in which they became ready. A pinned one runs on its
//      processor only; others are pushed to, and pulled by, the processor with the least to do.
//  X3  Then the fair class (fair_queue.h): a vCPU wakes on the processor where it ran if that is idle, else
//  on an
//      idle one, else where it ran. A processor that would be idle takes one that waits elsewhere, and
//      every kBalance one is moved if that evens out the load, as far as real-time classes leave a
//      processor to it.
//  X4  Where the upper two starve fair vCPUs, these get MachineSpec::fair_server of each second, in one piece
//  at its
//      end (the deferred fair server of 6.12; up to 6.11 real-time throttling took as much).
#pragma once

#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "sim/host.h"
#include "sim/linux/fair_queue.h"
#include "sim/machine.h"
#include "sim/plan.h"

namespace candor::sim {

class LinuxHost : public Host {
 public:
  static constexpr Duration kBalance = milliseconds(4);

  /// Both outlive it.
  LinuxHost(Machine& machine, const Plan& plan);

  [[nodiscard]] std::uint32_t timers() const override;
  void start() override;
  void wake(Vcpu& vcpu) override;
  void sleep(Vcpu& vcpu) override;
  Vcpu* pick(std::uint32_t processor) override;
  [[nodiscard]] Duration limit(const Vcpu& vcpu) const override;
  void charge(Vcpu& vcpu, Duration ran) override;
  void timer(std::uint32_t which) override;
  void inherited(Thread& owner) override;

 protected:
  /// SCHED_FIFO at `level` on that processor only, or fair when 0.
  void set_level(Vcpu& vcpu, int level, std::uint32_t processor);
  /// A fair vCPU's weight, and the processor that it is moved to; kNowhere: it stays. It may be balanced
  /// away.
  void set_fair(Vcpu& vcpu, double weight, std::uint32_t processor);
  /// It runs at a rank that a waiter for a lock of its thread lends.
  [[nodiscard]] bool boosted(const Vcpu& vcpu) const { return entities_[vcpu.number].lent > 0; }
  /// For how long a vCPU has been ready or has run, in all.
  [[nodiscard]] Duration ready_time(const Vcpu& vcpu) const;
  /// Processor time that real-time classes, and the host itself, have had in all.
  [[nodiscard]] Duration realtime_time(std::uint32_t processor) const {
    return cpus_[processor].realtime_total;
  }
  [[nodiscard]] Machine& machine() { return machine_; }
  /// The first timer that is not this class's own.
  [[nodiscard]] std::uint32_t own_timers() const;

 private:
  enum class Class { kDeadline, kFifo, kFair };
  struct Entity {
    Vcpu* vcpu = nullptr;
    FairEntity fair;
    Class cls = Class::kFair;
    bool queued = false;
    std::uint32_t pinned = kNowhere;
    std::uint32_t processor = 0;  // whose fair queue has it, or had
    int level = 0;                // own
    int lent = 0;                 // by those who wait for a lock of its thread
    std::uint64_t arrival = 0;
    Duration budget, period, left;  // of a server
    Time deadline;
    bool throttled = false;
    Time queued_since;
    Duration queued_time;  // until then
  };
  // Ascending: what comes first.
  struct Key {
    std::int64_t urgency = 0;
    std::uint64_t arrival = 0;
    std::uint32_t number = 0;
    auto operator<=>(const Key&) const = default;
  };
  using Queue = std::set<Key>;
  using Worth = std::pair<int, std::int64_t>;  // of what runs: the smaller one gives way
  struct Cpu {
    Queue deadline, fifo;  // pinned
    FairQueue fair;
    Time server_begin = Time::never();  // of the fair server's period
    Duration fair_got;                  // in it
    bool server = false;                // it is fair's turn
    Duration realtime;                  // that the upper classes had since the last balancing
    double realtime_part = 0;
    Duration realtime_total;
  };

  [[nodiscard]] Entity& entity(const Vcpu& vcpu) { return entities_[vcpu.number]; }
  [[nodiscard]] Entity& of(const FairEntity& fair) { return entities_[fair.id]; }
  [[nodiscard]] static Key key(const Entity& e);
  [[nodiscard]] Queue& queue(Entity& e);
  void enqueue(Entity& e);
  void dequeue(Entity& e);
  void replenish(Entity& e);
  [[nodiscard]] Entity* first(const Queue& queue, std::uint32_t processor);
  [[nodiscard]] Entity* first(const Queue& pinned, const Queue& floating, std::uint32_t processor);
  [[nodiscard]] static Worth worth(const Entity& e);
  [[nodiscard]] Worth worth(std::uint32_t processor) const;
  [[nodiscard]] std::uint32_t place_realtime(const Entity& e) const;
  [[nodiscard]] std::uint32_t place_fair(const Entity& e);
  [[nodiscard]] bool idle(std::uint32_t processor) const;
  void push(const Entity* chosen);
  void begin_server(std::uint32_t processor);
  Entity* steal_for(std::uint32_t processor);
  void move(Entity& e, std::uint32_t to);
  void balance();

  Machine& machine_;
  std::vector<Entity> entities_;  // by vCPU number
  std::vector<Cpu> cpus_;
  Queue deadline_, fifo_;  // not pinned
  std::uint64_t arrivals_ = 0;
};

}  // namespace candor::sim
