// Fair shares on this host (sched/shares.h): run times come from the kernel, weights become nice values. And
// slices (sched/slices.h), which change at the same looks by the same system call, at most once a look for
// each vCPU.
//
// Nice has steps of 1.25. What rounding takes from a VM is owed to it, so that the nearest two values take
// turns. A vCPU that is to run elsewhere is moved and then set free again: the kernel goes on balancing, so
// that no processor is idle beside work.
#include <algorithm>
#include <cmath>
#include <utility>

#include "host/host_scheduler.h"
#include "sched/slices.h"

namespace candor::host {
namespace {

int nearest_nice(double weight) {
  const double steps = std::log(weight / 100) / std::log(1.25);
  return static_cast<int>(std::clamp(std::lround(-steps), -20l, 19l));
}

}  // namespace

Duration HostScheduler::wanted_slice(Vm& vm, std::uint32_t v) {
  if (own_slice_ == Duration{}) return {};
  const VcpuCopy& said = vm.reader.vcpu(v);
  sched::SliceRequest request;
  for (std::uint32_t i = 0; i < said.ready_count; ++i) request.add(said.ready[i].expected_ns);
  if (said.running != CANDOR_NO_THREAD)
    request.add(vm.reader.job(said.running).expected_ns);
  else if (said.ready_count == 0 && vm.reader.vcpu_state(v) == CANDOR_VCPU_RUNNING)
    request.add(0);  // at work on what it does not tell
  else if (said.ready_count == 0 && said.next_thread != CANDOR_NO_THREAD)
    request.add(vm.reader.job(said.next_thread).expected_ns);
  return sched::next_slice(request.total(), vm.vcpus[v].sleeps, vm.vcpus[v].slice, own_slice_);
}

// The thread must be known to live.
void HostScheduler::set_terms(Vcpu& vcpu, int nice, Duration slice) {
  if (vcpu.slice != slice) {
    if (!ranks_.set_slice(vcpu.tid, nice, slice).ok()) return;
  } else if (!ranks_.set_nice(vcpu.tid, nice).ok()) {
    return;
  }
  vcpu.nice = nice;
  vcpu.slice = slice;
}

bool HostScheduler::share(Time now) {
  const Duration interval = now - std::exchange(shared_, now);
  if (policy_ != Policy::kAware || !ranks_.permitted()) return false;
  room_.assign(processors_.size(), interval);
  for (std::uint32_t p = 0; p < processors(); ++p)
    if (processors_[p].lost) room_[p] = {};
  uses_.clear();
  std::size_t hungry_vms = 0;
  for (const auto& [id, vm] : vms_) {
    bool hungry = false;
    for (std::uint32_t v = 0; v < vm->vcpus.size(); ++v) {
      Vcpu& vcpu = vm->vcpus[v];
      const RunTimes total = vcpu.clock.read().value_or(vcpu.shared);
      const RunTimes before = std::exchange(vcpu.shared, total);
      const Duration ran = total.ran - before.ran;
      Duration waited = total.waited - before.waited;
      if (v >= vm->terms.fair_vcpus) {
        if (vcpu.pinned != sched::kNone) room_[vcpu.pinned] = std::max(room_[vcpu.pinned] - ran, Duration{0});
        continue;
      }
      vcpu.sleeps = sched::sleeps(ran, waited, interval);
      // The kernel counts a wait when it is over. One that is ready at both ends was all the time, or nearly.
      const bool was_ready = std::exchange(vcpu.ready, vcpu.clock.ready());
      if (was_ready && vcpu.ready) waited = std::max(waited, interval - ran);
      sched::FairUse use{
          .vm = id, .vcpu = v, .weight = vm->terms.weight, .processor = 0, .ran = ran, .waited = waited};
      if (sched::Shares::hungry(use, interval)) {
        hungry = true;
        const int number = vcpu.clock.processor();
        const auto at = std::find(numbers_.begin(), numbers_.end(), number);
        use.processor =
            at != numbers_.end() ? static_cast<std::uint32_t>(at - numbers_.begin()) : sched::kNone;
      }
      uses_.push_back(use);
    }
    hungry_vms += hungry ? 1 : 0;
  }
  const auto places = shares_.decide(uses_, room_, interval);
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    const sched::FairUse& use = uses_[i];
    Vcpu& vcpu = find(use.vm)->vcpus[use.vcpu];
    const int nice = nearest_nice(hungry_vms > 1 ? places[i].weight : use.weight);
    Duration slice = wanted_slice(*find(use.vm), use.vcpu);
    const bool moves =
        hungry_vms > 1 && places[i].processor != sched::kNone && places[i].processor != use.processor;
    if (vcpu.nice == nice && vcpu.slice == slice && !moves) continue;
    if (!vcpu.clock.read().has_value()) continue;  // ended: its number may be another's
    if (vcpu.slice != slice && vcpu.clock.boosted()) slice = vcpu.slice;  // it has a rank for a while
    if (vcpu.nice != nice || vcpu.slice != slice) set_terms(vcpu, nice, slice);
    if (!moves) continue;
    (void)RankWriter::pin(vcpu.tid, {&processors_[places[i].processor].number, 1}).ok();
    (void)RankWriter::pin(vcpu.tid, usable_numbers()).ok();
  }
  return hungry_vms > 1;
}

}  // namespace candor::host
