// Nothing to run: candid idle.
//
// The host is told so, in the shared area and, after a while of polling or at
// once, by CANDOR_CALL_NO_WORK. Polling saves the wake-up, about 5 us and more,
// but costs whoever else wants the processor; so a vCPU polls only while the host
// says that nobody does, only as long as it has paid lately, and not at all
// on real-time vCPUs, which are awake the moment their timer fires anyway.
#include "guest/console.h"
#include "guest/vcpu.h"

namespace candor::kernel {
namespace {

// Too near to be worth a sleep in the host.
constexpr Duration kNear = microseconds(2);
// A longer gap between two looks at the clock: somebody else has had the processor.
constexpr Duration kGap = microseconds(20);

void set_state(candor_guest_vcpu& page, candor_vcpu_state state) {
  // With full ordering: who notifies us sets a bit, then looks at the state; we do the reverse.
  __atomic_store_n(&page.state, static_cast<std::uint32_t>(state), __ATOMIC_SEQ_CST);
}

}  // namespace

void Vcpu::idle(Time t) {
  const ThreadControl* first = timers_.front();
  const Time watch = watch_at();
  const Time until = first != nullptr && first->wake_at < watch ? first->wake_at : watch;
  publish_dispatch(nullptr, t);
  trace_dispatch(nullptr, t);
  ring_if_due();
  show_what_is_printed();
  if (until - t < kNear) {
    while (now() < until && peek(page().pending) == 0) relax();
    return;
  }
  const Duration bound = kernel.idle == IdleMode::kPoll ? PollBound::kMost
                         : may_poll()                   ? poll_bound_.next()
                                                        : Duration{};
  if (bound.ns > 0 && poll(until, t + bound)) {
    poll_bound_.hit();
    return;
  }
  ask_for_work(t);
  set_state(page(), CANDOR_VCPU_WAITING);
  if (peek(page().pending) == 0) call_host(CANDOR_CALL_NO_WORK, wire(until));
  set_state(page(), CANDOR_VCPU_RUNNING);
  if (bound.ns > 0) poll_bound_.missed(now() - t);
}

bool Vcpu::may_poll() const {
  const candor_host_vcpu& host = host_vcpu(index_);
  switch (kernel.idle) {
    case IdleMode::kHalt:
      return false;
    case IdleMode::kPoll:
      return true;
    case IdleMode::kCandid:
      break;
  }
  return (kernel.aware || kernel.dedicated) && peek(host.kind) == CANDOR_VCPU_FAIR &&
         (peek(host.sole) != 0 || peek(host.wanted) == 0);
}

/// True if something came: a pending bit, or `until`.
bool Vcpu::poll(Time until, Time give_up) {
  count(page().polls);
  set_state(page(), CANDOR_VCPU_POLLING);
  Time t = now();
  bool hit = false;
  for (;;) {
    if (peek(page().pending) != 0 || t >= until) {
      hit = true;
      break;
    }
    if (t >= give_up || !may_poll()) break;
    relax();
    const Time last = t;
    t = now();
    if (t - last > kGap) break;
  }
  set_state(page(), CANDOR_VCPU_RUNNING);
  hit = hit || peek(page().pending) != 0;
  if (hit) count(page().poll_hits);
  return hit;
}

}  // namespace candor::kernel
