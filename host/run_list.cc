// The composite run list in words, built on request.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "host/host_scheduler.h"
#include "host/reason.h"

namespace candor::host {

void HostScheduler::publish_vcpus() {
  for (const auto& [id, vm] : vms_) {
    for (std::uint32_t v = 0; v < vm->vcpus.size(); ++v) {
      const VcpuCopy& copy = vm->reader.vcpu(v);
      scheduler_.publish_vcpu(id, v,
                              {.state = vm->reader.vcpu_state(v),
                               .running = copy.running,
                               .next_timer = sched::time_of(copy.next_timer_ns),
                               .ready = {copy.ready.data(), copy.ready_count}});
      if (v >= vm->terms.fair_vcpus) continue;
      const auto at = std::find(numbers_.begin(), numbers_.end(), static_cast<int>(vm->area.processor(v)));
      const bool placed = at != numbers_.end();
      scheduler_.place_fair(id, v, placed ? static_cast<std::uint32_t>(at - numbers_.begin()) : sched::kNone);
    }
  }
}

void HostScheduler::publish_threads(Time t) {
  for (const auto& [id, vm] : vms_) {
    for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; ++slot) {
      if (scheduler_.claim_view(id, slot, t).status != CANDOR_CLAIM_NONE) {
        scheduler_.publish(id, slot, vm->reader.job(slot), t);
        continue;
      }
      if (vm->reader.serial(slot) == 0) continue;
      const auto terms = vm->reader.terms(slot);
      if (!terms) continue;
      const std::uint32_t cls = terms->request.cls;
      const candor_class known = cls == CANDOR_CLASS_NONE || cls == CANDOR_CLASS_BACKGROUND
                                     ? static_cast<candor_class>(cls)
                                     : CANDOR_CLASS_FAIR;
      scheduler_.publish_unclaimed(id, slot, known, vm->reader.job(slot));
    }
  }
}

RunListEntry HostScheduler::entry(const sched::RunListItem& item, Time t) {
  RunListEntry e;
  e.processor = item.processor == sched::kNone ? ~0u : static_cast<std::uint32_t>(numbers_[item.processor]);
  e.vm = item.vm;
  e.thread = item.thread;
  e.vcpu = item.vcpu;
  e.state = item.state;
  e.cls = item.cls;
  e.level = ranks_.permitted() ? static_cast<std::uint32_t>(item.level) : 0;
  e.release_ns = item.release.ns;
  e.deadline_ns = item.deadline.ns;
  e.expected_ns = item.expected.ns;
  const Vm* vm = find(item.vm);
  if (vm == nullptr) return e;
  std::memcpy(e.vm_name, vm->terms.name, sizeof e.vm_name);
  std::memcpy(e.thread_name, vm->reader.thread_name(item.thread).data(), sizeof e.thread_name);

  const auto say = [&](const char* format, auto... arguments) {
    std::snprintf(e.reason, sizeof e.reason, format, arguments...);
  };
  sched::Explanation why{.level = item.level,
                         .thread = item.thread,
                         .cls = item.cls,
                         .priority = item.priority,
                         .deadline = item.deadline,
                         .behind_previous = item.behind_previous};
  if (policy_ == Policy::kStaticRealtime && vm->terms.bandwidth_ppm > 0) {
    e.level = ranks_.permitted() ? static_cast<std::uint32_t>(static_level(*vm)) : 0;
    say("static: all of this VM is real-time at level %d", static_level(*vm));
  } else if (policy_ == Policy::kStaticDeadline && vm->terms.bandwidth_ppm > 0) {
    say("%s", "static: all of this VM is in the kernel's deadline class");
  } else if (item.exhausted) {
    why.replenish = scheduler_.claim_view(item.vm, item.thread, t).replenish;
    say("%s", reason_of(why, t).c_str());
  } else if (item.cls == CANDOR_CLASS_FAIR || item.cls == CANDOR_CLASS_BACKGROUND) {
    std::array<char, 24> what{"background"};
    if (item.cls == CANDOR_CLASS_FAIR)
      std::snprintf(what.data(), what.size(), "fair, weight %u", vm->terms.weight);
    if (item.behind_previous == sched::OrderReason::kSame)
      say("%s", what.data());
    else
      say("%s; before it: %s", what.data(), sched::to_string(item.behind_previous));
  } else {
    say("%s", reason_of(why, t).c_str());
  }
  return e;
}

void HostScheduler::run_list(std::vector<RunListEntry>& out) {
  const MutexLock lock(mutex_);
  const Time t = monotonic_now();
  publish_vcpus();
  publish_threads(t);
  std::vector<sched::RunListItem> items;
  scheduler_.run_list(t, items);
  out.clear();
  out.reserve(items.size());
  for (const sched::RunListItem& item : items) out.push_back(entry(item, t));
}

}  // namespace candor::host
