// Candor: the object code of sched/ beside the host kernel's classes. What host/ does on a real host:
// claims at the start, a look at a processor's claims when a guest rings or the core asked for one, and the
// ranks that it decides imposed on the kernel.
#pragma once

#include <vector>

#include "base/rate_meter.h"
#include "sched/scheduler.h"
#include "sched/shares.h"
#include "sim/linux/linux_host.h"

namespace candor::sim {

class CompositeHost : public LinuxHost {
 public:
  CompositeHost(Machine& machine, const Plan& plan);

  [[nodiscard]] std::uint32_t timers() const override;
  void start() override;
  void timer(std::uint32_t which) override;
  void published(Thread& thread, bool ended) override;
  void report(RunResult& result) const override;

 private:
  struct Claim {
    Thread* thread = nullptr;
    sched::JobReport said;  // as it stands in the shared area
    bool admitted = false;
    std::uint32_t processor = 0;
  };

  void claim(Thread& thread);
  void serve(std::uint32_t processor, bool by_timer);
  void charge_borrowed();
  void tell_ranks(std::uint32_t processor, const sched::Decision& decision);
  void share();

  sched::Scheduler scheduler_;
  std::vector<Claim> claims_;            // by thread number; only real-time threads' are used
  std::vector<std::vector<Claim*>> on_;  // by VM: thread slot
  std::vector<RateMeter> bells_;         // by VM
  std::vector<sched::Scheduler::ClaimId> served_;
  // Fair shares.
  struct Seen {
    Vcpu* vcpu = nullptr;
    Duration ran, ready;  // at the last look
  };
  sched::Shares shares_;
  std::vector<Seen> seen_;  // fair vCPUs, by VM
  std::vector<sched::FairUse> uses_;
  std::vector<Duration> realtime_, room_;  // by processor
  std::vector<Duration> borrowed_;         // run time at the last look for borrowed ranks, by vCPU number
  Time shared_;
  std::uint64_t decisions_ = 0, changes_ = 0;
};

}  // namespace candor::sim
