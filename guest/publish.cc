// What the host reads: who runs, who is ready, what the next timer will wake.
// Plain stores; nothing here asks the host for anything but ring_if_due().
#include "guest/vcpu.h"

namespace candor::kernel {

void Vcpu::publish_dispatch(const ThreadControl* running, Time t) {
  if (!kernel.publishes) return;
  candor_guest_vcpu& p = page();
  const ThreadControl* sleeper = kernel.announces ? timers_.front() : nullptr;
  {
    Publication write(p.seq);
    put(p.running, running != nullptr ? running->slot : CANDOR_NO_THREAD);
    put(p.next_thread, sleeper != nullptr ? sleeper->slot : CANDOR_NO_THREAD);
    put(p.next_timer_ns, sleeper != nullptr ? wire(sleeper->wake_at) : CANDOR_NO_TIME);
    published_ready_.write_changes(CANDOR_MAX_READY, [&](std::uint32_t entry, const ThreadControl& i) {
      p.ready[entry] = {i.slot, i.terms.cls,          i.terms.priority,
                        0,      wire(i.job_deadline), static_cast<std::uint64_t>(i.terms.expected.ns)};
    });
    const std::uint32_t ready = published_ready_.size();
    put(p.ready_count, ready < CANDOR_MAX_READY ? ready : CANDOR_MAX_READY);
  }
  if (running != nullptr) count(p.publishes);
  trace(CANDOR_TRACE_PUBLISH, running, published_ready_.size(), t);
}

void Vcpu::ring_if_due() {
  if (!bell_due_) return;
  bell_due_ = false;
  if (kernel.aware && peek(host_vcpu(index_).ring_at_job_end) != 0)
    call_host(CANDOR_CALL_RING, CANDOR_BELL_SCHED);
}

void publish_job(const ThreadControl& thread, candor_thread_state state, Time release, Time deadline) {
  if (!kernel.publishes || !thread.published()) return;
  if (state == CANDOR_THREAD_WAITING && !kernel.announces) {
    state = CANDOR_THREAD_BLOCKED;
    release = deadline = Time::never();
  }
  candor_thread& line = thread_slot(thread.slot);
  Publication write(line.job_seq);
  put(line.state, static_cast<std::uint32_t>(state));
  put(line.release_ns, wire(release));
  put(line.deadline_ns, wire(deadline));
  put(line.expected_ns, static_cast<std::uint64_t>(thread.terms.expected.ns));
  put(line.job, thread.grid.active() ? static_cast<std::uint64_t>(thread.grid.next()) : 0);
}

void publish_state(const ThreadControl& thread, candor_thread_state state) {
  if (!kernel.publishes || !thread.published()) return;
  candor_thread& line = thread_slot(thread.slot);
  Publication write(line.job_seq);
  put(line.state, static_cast<std::uint32_t>(state));
}

}  // namespace candor::kernel
