// Processors that the host is deprived of while VMs run: taken offline, out of candord's cpuset, or (to try
// it) out of the affinity of the thread that looks after one. The kernel tells nobody. It moves what was
// pinned there, with its rank, to what is left. So each processor's thread sees at its next event that it
// runs elsewhere, and all are looked for a few times a second.
#include <sched.h>
#include <unistd.h>

#include "host/host_scheduler.h"

namespace candor::host {
namespace {

// Terms never have this serial: it is odd.
constexpr std::uint32_t kNotDealtWith = ~0u;

}  // namespace

void HostScheduler::attach(std::uint32_t processor) {
  const MutexLock lock(mutex_);
  processors_[processor].thread = gettid();
}

void HostScheduler::look_for(std::uint32_t processor, Time t) {
  Processor& p = processors_[processor];
  cpu_set_t may;
  CPU_ZERO(&may);
  if (policy_ != Policy::kAware || p.thread == 0 || sched_getaffinity(p.thread, sizeof may, &may) != 0)
    return;
  const bool ours = CPU_ISSET(static_cast<unsigned>(p.number), &may) &&
                    (CPU_COUNT(&may) == 1 || RankWriter::pin(p.thread, {&p.number, 1}).ok());
  if (ours != p.lost) return;
  p.lost = !ours;
  if (p.lost)
    lose(processor, t);
  else
    regain(processor, t);
}

void HostScheduler::lose(std::uint32_t processor, Time t) {
  ++counters_.processors_lost;
  look_at_claims(processor, t);
  touched_ |= bit(processor);
  for (const auto& [id, vm] : vms_)
    for (Vcpu& vcpu : vm->vcpus)
      if (vcpu.pinned == processor) vcpu.pinned = sched::kNone;
  for (const auto& gone : scheduler_.lose_processor(processor, t)) {
    Vm& vm = *find(gone.vm);
    const Vcpu& vcpu = vm.vcpus[gone.vcpu];
    if (vcpu.clock.read().has_value()) (void)RankWriter::pin(vcpu.tid, usable_numbers()).ok();
    ask_anew(vm, bit(gone.thread), t);  // others may move for it
    claims_placed(vm);
  }
  follow_moves(t);
}

void HostScheduler::regain(std::uint32_t processor, Time t) {
  scheduler_.regain_processor(processor);
  for (const auto& [id, vm] : vms_)
    if (vm->unplaced != 0) ask_anew(*vm, vm->unplaced, t);
}

// As if the guest had said again what it said last.
void HostScheduler::ask_anew(Vm& vm, std::uint64_t slots, Time t) {
  for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; ++slot)
    if ((slots & bit(slot)) != 0) vm.serials[slot] = kNotDealtWith;
  vm.asked_anew |= slots;
  vm.listen_at = t;
  arm(vm.home);
}

// Where fair vCPUs may run. With none left it is for the kernel to say.
const std::vector<int>& HostScheduler::usable_numbers() {
  usable_.clear();
  for (const Processor& p : processors_)
    if (!p.lost) usable_.push_back(p.number);
  return usable_.empty() ? numbers_ : usable_;
}

}  // namespace candor::host
