// What the scheduler notes of its decisions while it is traced, and hands over.
#include <algorithm>

#include "host/host_scheduler.h"

namespace candor::host {

// Right after the decision: an explanation is of that moment.
void HostScheduler::trace_ranks(std::uint32_t processor, const sched::Decision& decision, Time t) {
  for (const sched::RankChange& change : decision.changes) {
    const sched::Explanation why = scheduler_.explain(change.vm, change.vcpu, t);
    trace_.add({.at_ns = t.ns,
                .kind = TraceKind::kRank,
                .vm = change.vm,
                .vcpu = change.vcpu,
                .processor = static_cast<std::uint32_t>(processors_[processor].number),
                .thread = why.thread,
                .why = why});
  }
}

void HostScheduler::trace_answer(const Vm& vm, std::uint32_t slot, const sched::Answer& answer, Time t) {
  if (!trace_.on()) return;
  TraceEvent event{.at_ns = t.ns,
                   .kind = TraceKind::kAnswer,
                   .vm = vm.terms.vm,
                   .vcpu = answer.vcpu,
                   .thread = slot,
                   .answer = answer};
  if (answer.processor != sched::kNone)
    event.processor = static_cast<std::uint32_t>(numbers_[answer.processor]);
  std::ranges::copy(vm.reader.thread_name(slot), event.name);
  trace_.add(event);
}

void HostScheduler::take_trace(TraceEvents& out) {
  const MutexLock lock(mutex_);
  trace_.take(out);
}

}  // namespace candor::host
