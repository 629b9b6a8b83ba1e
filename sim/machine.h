// Processors and time: what runs where, from one event to the next.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "sim/event_queue.h"
#include "sim/guest.h"
#include "sim/host.h"
#include "sim/plan.h"
#include "sim/run.h"

namespace candor::sim {

class Machine : public Platform, public Processors {
 public:
  /// Both outlive it.
  Machine(const Workload& workload, const Plan& plan, const RunOptions& options);
  ~Machine() override;

  [[nodiscard]] std::deque<Vm>& vms() { return vms_; }
  [[nodiscard]] std::uint32_t vcpu_count() const { return vcpu_count_; }
  [[nodiscard]] const MachineSpec& spec() const { return workload_.machine; }
  [[nodiscard]] const RunOptions& options() const { return options_; }

  /// Calls `settled` whenever all is decided and time is about to go on: a test looks for what must never be.
  void observe(std::function<void()> settled) { settled_ = std::move(settled); }

  /// Once. `host` was made for this machine.
  RunResult run(Host& host);

  // Platform
  [[nodiscard]] Time now() const override { return now_; }
  [[nodiscard]] Time first_instruction(const Vcpu& vcpu) const override;
  void wake(Vcpu& vcpu) override;
  void sleep(Vcpu& vcpu) override;
  void interrupt(Vcpu& vcpu) override;
  void arm(Thread& thread) override;
  void inherit(Thread& owner) override;
  void publish(Thread& thread, bool ended) override;
  SetResult& results(const Thread& thread) override { return result_.sets[set_of_[thread.number]]; }

  // Processors
  [[nodiscard]] std::uint32_t count() const override { return workload_.machine.processors; }
  [[nodiscard]] Vcpu* current(std::uint32_t p) const override { return processors_[p].current; }
  void reschedule(std::uint32_t processor) override;
  void set_timer(std::uint32_t which, Time at) override;
  void take(std::uint32_t processor, Duration time) override;
  void settle(std::uint32_t processor) override;
  [[nodiscard]] Time stolen_until(std::uint32_t p) const override { return processors_[p].stolen_until; }

 private:
  struct Processor {
    Vcpu* current = nullptr;
    Time settled;       // run times are right until then
    Duration taken;     // by the host, before its vCPU runs at all
    Duration overhead;  // of its vCPU, before that goes on
    bool rescheduled = false;
    Random stolen{0};  // when the hypervisor below takes it next
    Time stolen_until;
  };

  void make_threads(const Plan& plan, std::uint64_t seed);
  void handle(EventQueue::Timer timer);
  void steal(std::uint32_t processor);
  void pick(std::uint32_t processor);
  void switch_to(std::uint32_t processor, Vcpu* next);
  void finish();

  const Workload& workload_;
  const RunOptions options_;
  std::deque<Vm> vms_;
  std::deque<Guest> guests_;
  std::vector<Thread*> threads_;
  std::vector<std::uint32_t> set_of_;  // thread: index into result_.sets
  std::uint32_t vcpu_count_ = 0;
  std::vector<Processor> processors_;
  std::vector<std::uint32_t> to_pick_;
  EventQueue events_{0};
  Host* host_ = nullptr;
  std::function<void()> settled_;
  Time now_;
  RunResult result_;
};

}  // namespace candor::sim
