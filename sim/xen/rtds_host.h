// Xen's RTDS: every vCPU is a deferrable server, and the earliest deadline runs first.
//
// Sources: Xen, docs/man/xl.1.pod.in (sched-rtds), docs/features/sched_rtds.pandoc, and the design comment of
// xen/common/sched/rt.c; S. Xi et al., "Real-Time Multi-Core Virtual Machine Scheduling in Xen" (RT-Xen 2.0),
// EMSOFT 2014; extra time: M. Xu, "xen:rtds: towards work conserving RTDS", 2017 (Xen 4.10).
//
//  R1  A vCPU has a budget and a period. Its deadline is the end of the current period; periods are on a grid
//      from the start, also while it sleeps.
//  R2  It burns its budget while it runs, and keeps it while it does not. At the end of a period what is left
//      is lost, and the budget is full again.
//  R3  Without budget it waits for its next period (the depleted queue). With `extratime`, which is the
//      default, its level rises by one instead, and the budget is full again; a new period has level 0.
//  R4  The lower level runs first, then the earlier deadline, then who came first. A pinned vCPU runs on its
//      processor, others on any.
//  R5  Whoever is ready takes an idle processor, the one where it ran if that is one; else that of the last
//  in
//      order of those that run, if it comes before that one.
//
// Favours the rival: who is replenished is offered a processor (R5) also in extra time, which rt.c forgets.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <vector>

#include "sim/host.h"
#include "sim/machine.h"
#include "sim/plan.h"

namespace candor::sim {

class RtdsHost final : public Host {
 public:
  /// Every vCPU of the plan has a budget and a period. Both outlive it.
  RtdsHost(Machine& machine, const Plan& plan);

  [[nodiscard]] std::uint32_t timers() const override;
  void wake(Vcpu& vcpu) override;
  void sleep(Vcpu& vcpu) override;
  Vcpu* pick(std::uint32_t processor) override;
  [[nodiscard]] Duration limit(const Vcpu& vcpu) const override;
  void charge(Vcpu& vcpu, Duration ran) override;
  void timer(std::uint32_t which) override;

 private:
  // Ascending: who runs first.
  struct Rank {
    std::uint32_t level = 0;
    Time deadline;
    std::uint64_t arrival = 0;
    std::uint32_t number = 0;
    auto operator<=>(const Rank&) const = default;
  };
  struct Server {
    Vcpu* vcpu = nullptr;
    Duration budget, period;
    bool extratime = true;
    std::uint32_t pinned = kNowhere;
    Duration left;
    Rank rank;
    bool runs = false;
  };
  using Queue = std::set<Rank>;  // of servers that wait and have budget

  [[nodiscard]] Server& server(const Vcpu& vcpu) { return servers_[vcpu.number]; }
  [[nodiscard]] Queue& queue(const Server& server);
  void begin_period(Server& server);
  void enqueue(Server& server);
  void dequeue(Server& server);
  void offer(const Server& server);

  Machine& machine_;
  std::vector<Server> servers_;  // by vCPU number
  std::vector<Queue> pinned_;    // by processor
  Queue floating_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace candor::sim
