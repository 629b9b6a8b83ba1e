// The composite run list as people see it: threads, not vCPUs. Built on
// request from what is known at that moment; never on the decision path.
#include <algorithm>
#include <limits>

#include "sched/scheduler.h"

namespace candor::sched {
namespace {

Duration run_time_of(std::uint64_t ns) {
  return {static_cast<std::int64_t>(std::min<std::uint64_t>(ns, static_cast<std::uint64_t>(kFarNs)))};
}

bool is_ready(const RunListItem& item) {
  return item.state == CANDOR_THREAD_READY || item.state == kThreadRunning;
}

// O6: the first rule that tells two threads without a place among the claims apart.
OrderReason first_fair_difference(const RunListItem& a, const RunListItem& b) {
  const auto known = [](Duration expected) {
    return expected.ns == 0 ? std::numeric_limits<std::int64_t>::max() : expected.ns;
  };
  if (is_ready(a) != is_ready(b)) return OrderReason::kReady;
  if (a.cls != b.cls) return OrderReason::kClass;
  if (!is_ready(a) && a.release != b.release) return OrderReason::kRelease;
  if (a.deadline != b.deadline) return OrderReason::kDeadline;
  if (known(a.expected) != known(b.expected)) return OrderReason::kRemaining;
  if (a.vm != b.vm) return OrderReason::kVm;
  if (a.thread != b.thread) return OrderReason::kThread;
  return OrderReason::kSame;
}

bool fair_before(const RunListItem& a, const RunListItem& b) {
  switch (first_fair_difference(a, b)) {
    case OrderReason::kReady:
      return is_ready(a);
    case OrderReason::kClass:
      return a.cls < b.cls;
    case OrderReason::kRelease:
      return a.release < b.release;
    case OrderReason::kDeadline:
      return a.deadline < b.deadline;
    case OrderReason::kRemaining:
      return b.expected.ns == 0 || (a.expected.ns != 0 && a.expected < b.expected);
    case OrderReason::kVm:
      return a.vm < b.vm;
    case OrderReason::kThread:
      return a.thread < b.thread;
    default:
      return false;
  }
}

}  // namespace

void Scheduler::list_claims(std::uint32_t processor, Time now, std::vector<RunListItem>& out,
                            std::vector<RunListItem>& fair) const {
  // What was published since the last decision counts here, too.
  std::vector<const Claim*> order;
  for (const Claim* c = cpus_[processor].first(); c != nullptr; c = c->behind()) order.push_back(c);
  std::sort(order.begin(), order.end(), [&](const Claim* a, const Claim* b) {
    if (a->server.exhausted() != b->server.exhausted()) return b->server.exhausted();
    return before(place_of(*a, now), place_of(*b, now));
  });
  const Claim* previous = nullptr;
  for (const Claim* c : order) {
    const Vcpu& vcpu = *c->carrier;
    const ClaimServer& server = c->server;
    RunListItem item{.processor = processor,
                     .vm = c->vm->id,
                     .thread = c->thread,
                     .vcpu = vcpu.index,
                     .state = server.state(),
                     .cls = server.exhausted() ? CANDOR_CLASS_FAIR : server.terms().cls,
                     .priority = server.terms().priority,
                     .level = server.exhausted() ? 0 : vcpu.level,
                     .release = server.release(now),
                     .deadline = server.effective_deadline(now),
                     .expected = server.expected(),
                     .exhausted = server.exhausted()};
    if (c->vm->published[vcpu.index].running == c->thread && server.state() == CANDOR_THREAD_READY)
      item.state = kThreadRunning;
    if (item.exhausted) {
      fair.push_back(item);
      continue;
    }
    if (previous != nullptr)
      item.behind_previous = first_difference(place_of(*previous, now), place_of(*c, now));
    previous = c;
    out.push_back(item);
  }
}

void Scheduler::list_unclaimed(const Vm& vm, std::vector<RunListItem>& fair) const {
  std::array<bool, CANDOR_MAX_THREADS> listed{};  // a guest may name a thread twice
  const auto add = [&](RunListItem item, std::uint8_t cls) {
    if (item.thread >= CANDOR_MAX_THREADS || listed[item.thread] || vm.claims[item.thread] != nullptr) return;
    listed[item.thread] = true;
    item.vm = vm.id;
    item.cls = cls == CANDOR_CLASS_BACKGROUND ? CANDOR_CLASS_BACKGROUND : CANDOR_CLASS_FAIR;
    fair.push_back(item);
  };
  for (std::uint32_t v = 0; v < vm.vcpus.size(); ++v) {
    const std::uint32_t processor = vm.vcpus[v].processor;
    const PublishedVcpu& vcpu = vm.published[v];
    const bool runs = vcpu.running < CANDOR_MAX_THREADS && vcpu.state == CANDOR_VCPU_RUNNING;
    for (std::uint32_t i = 0; i < vcpu.ready_count; ++i) {
      const candor_ready& r = vcpu.ready[i];
      RunListItem item{.processor = processor, .thread = r.thread, .vcpu = v, .expected = {}};
      item.state = runs && r.thread == vcpu.running ? kThreadRunning : std::uint32_t{CANDOR_THREAD_READY};
      item.deadline = time_of(r.deadline_ns);
      item.expected = run_time_of(r.expected_ns);
      add(item, r.cls);
    }
    if (!runs) continue;
    const Unclaimed& t = vm.unclaimed[vcpu.running];
    add({.processor = processor, .thread = vcpu.running, .vcpu = v, .state = kThreadRunning, .expected = {}},
        static_cast<std::uint8_t>(t.cls));
  }
  // Then those that nobody has called ready, though their own line may.
  for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; ++slot) {
    const Unclaimed& t = vm.unclaimed[slot];
    if (t.cls == CANDOR_CLASS_NONE || t.job.state == CANDOR_THREAD_ABSENT) continue;
    const bool waits = t.job.state == CANDOR_THREAD_WAITING;
    RunListItem item{.thread = slot, .vcpu = kNone, .expected = run_time_of(t.job.expected_ns)};
    item.state = waits ? std::uint32_t{CANDOR_THREAD_WAITING} : std::uint32_t{CANDOR_THREAD_BLOCKED};
    if (waits) item.release = time_of(t.job.release_ns);
    item.deadline = time_of(t.job.deadline_ns);
    add(item, static_cast<std::uint8_t>(t.cls));
  }
}

void Scheduler::run_list(Time now, std::vector<RunListItem>& out) const {
  out.clear();
  std::vector<RunListItem> fair;
  for (std::uint32_t p = 0; p < processors(); ++p) list_claims(p, now, out, fair);
  for (const auto& [id, vm] : vms_) list_unclaimed(*vm, fair);
  std::sort(fair.begin(), fair.end(), fair_before);
  for (std::size_t i = 1; i < fair.size(); ++i)
    fair[i].behind_previous = first_fair_difference(fair[i - 1], fair[i]);
  out.insert(out.end(), fair.begin(), fair.end());
}

}  // namespace candor::sched
