// The first of the two layers: who decides which vCPU has which processor.
#pragma once

#include <cstdint>

#include "sim/model.h"
#include "sim/result.h"

namespace candor::sim {

/// What a host's scheduler asks of the machine that it runs on.
class Processors {
 public:
  virtual ~Processors() = default;
  [[nodiscard]] virtual Time now() const = 0;
  [[nodiscard]] virtual std::uint32_t count() const = 0;
  /// The vCPU that has the processor; none: it is idle.
  [[nodiscard]] virtual Vcpu* current(std::uint32_t processor) const = 0;
  /// Calls Host::pick() for this processor before time goes on.
  virtual void reschedule(std::uint32_t processor) = 0;
  /// Calls Host::timer() then; Time::never(): not at all. `which` is below Host::timers().
  virtual void set_timer(std::uint32_t which, Time at) = 0;
  /// The host itself takes so much of the processor, now.
  virtual void take(std::uint32_t processor, Duration time) = 0;
  /// Brings the run times of what runs up to now (Host::charge()).
  virtual void settle(std::uint32_t processor) = 0;
  /// Until then, if that is yet to come, a hypervisor below has the processor: nothing happens there.
  [[nodiscard]] virtual Time stolen_until(std::uint32_t processor) const = 0;
};

/// A host's scheduler. Every vCPU is idle at first. Called only with time standing still.
class Host {
 public:
  virtual ~Host() = default;
  /// How many timers it uses.
  [[nodiscard]] virtual std::uint32_t timers() const { return 0; }
  virtual void start() {}
  /// An idle vCPU is ready now.
  virtual void wake(Vcpu& vcpu) = 0;
  /// A vCPU that ran has no work. Its processor is picked for next.
  virtual void sleep(Vcpu& vcpu) = 0;
  /// Who shall have the processor: one that is ready, or that has it already; none: idle.
  virtual Vcpu* pick(std::uint32_t processor) = 0;
  /// For how long the vCPU just picked may run before pick() is called again; kForever: until something
  /// happens.
  [[nodiscard]] virtual Duration limit(const Vcpu& vcpu) const = 0;
  /// The vCPU has had a processor for so long since the last time.
  virtual void charge(Vcpu& vcpu, Duration ran) = 0;
  virtual void timer(std::uint32_t which) { static_cast<void>(which); }
  /// An aware guest has published; `ended`: a job is over, and where others wait it rings.
  virtual void published(Thread& thread, bool ended) { static_cast<void>(thread), static_cast<void>(ended); }
  /// The owner of a lock inherits the urgency of waiters on other vCPUs, or no longer does.
  virtual void inherited(Thread& owner) { static_cast<void>(owner); }
  /// Adds what it counted.
  virtual void report(RunResult& result) const { static_cast<void>(result); }
};

}  // namespace candor::sim
