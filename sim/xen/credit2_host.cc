#include "sim/xen/credit2_host.h"

#include <algorithm>
#include <utility>

namespace candor::sim {
namespace {

// Of one processor, in the long run.
double load_of(const ThreadSpec& t) {
  if (t.arrival == Arrival::kAlways) return 1;
  Duration work = t.work, time = t.period;
  for (const Step& s : t.steps) {
    if (s.kind == Step::Kind::kCompute) work += s.time;
    if (s.kind == Step::Kind::kEnd) time += t.period;
  }
  if (t.arrival == Arrival::kTrace) {
    for (const TraceJob& job : *t.trace) work += job.work;
    time = t.trace->back().release + t.trace->back().work;
  }
  return static_cast<double>(work.ns) / static_cast<double>(time.ns);
}

// Of each of its vCPUs, in the long run.
double load_of(const Vm& vm) {
  double load = 0;
  for (const ThreadSpec& t : vm.spec->threads) load += load_of(t);
  return std::min(load / static_cast<double>(vm.vcpus.size()), 1.0);
}

}  // namespace

Credit2Host::Credit2Host(Machine& machine)
    : machine_(machine), units_(machine.vcpu_count()), tickled_(machine.count()) {
  const std::uint32_t queues = (machine.count() + kProcessorsOfQueue - 1) / kProcessorsOfQueue;
  for (std::uint32_t i = 0, first = 0; i < queues; ++i) {
    const std::uint32_t count = (machine.count() - first) / (queues - i);
    Credit2Queue& queue = queues_.emplace_back(first, count);
    queue_of_.insert(queue_of_.end(), count, &queue);
    first += count;
  }
  for (Vm& vm : machine.vms()) {
    for (Vcpu& vcpu : vm.vcpus) {
      Credit2Unit& u = unit(vcpu);
      u.vcpu = &vcpu;
      u.weight = std::max(vm.spec->weight, 1u);
      u.credit = Credit2Queue::kInitial;
      u.load = LoadAverage(load_of(vm), machine.now());
      const auto least = std::min_element(queues_.begin(), queues_.end(), [&](const auto& a, const auto& b) {
        return a.load.at(machine.now()) < b.load.at(machine.now());
      });
      least->assign(u, machine.now());
    }
  }
}

Credit2Unit* Credit2Host::current(std::uint32_t processor) {
  const Vcpu* vcpu = machine_.current(processor);
  return vcpu != nullptr ? &unit(*vcpu) : nullptr;
}

void Credit2Host::set_active(Credit2Unit& u, bool active) {
  const double by = active ? 1 : -1;
  u.active = active;
  u.queue->load.change(u.queue->load.load() + by, machine_.now());
  u.load.change(u.load.load() + by, machine_.now());
}

void Credit2Host::enqueue(Credit2Unit& u) {
  u.scheduled = false;
  u.queue->insert(u);
  tickle_for(u);
}

void Credit2Host::wake(Vcpu& vcpu) {
  set_active(unit(vcpu), true);
  enqueue(unit(vcpu));
}

void Credit2Host::sleep(Vcpu& vcpu) {
  Credit2Unit& u = unit(vcpu);
  set_active(u, false);
  u.scheduled = false;
  if (Credit2Queue* to = std::exchange(u.migrate_to, nullptr)) move(u, *to);
}

void Credit2Host::charge(Vcpu& vcpu, Duration ran) {
  unit(vcpu).queue->burn(unit(vcpu), ran);
}

// ------------------------------------------------------------------- selection

Vcpu* Credit2Host::pick(std::uint32_t p) {
  Credit2Queue& queue = *queue_of_[p];
  Credit2Unit* const before = current(p);
  const bool told = tickled_[p];
  tickled_[p] = false;
  // Its guest has turned to another thread, which is nothing to the hypervisor.
  if (before != nullptr && !told && machine_.now() < before->until) return before->vcpu;

  Credit2Unit* next = candidate(queue, p, before);
  if (next != nullptr && next != before) queue.erase(*next);
  if (before != nullptr && before != next) {
    if (Credit2Queue* to = std::exchange(before->migrate_to, nullptr)) move(*before, *to);
    enqueue(*before);
  }
  if (next == nullptr) return nullptr;

  const bool switched = next != before;
  if (switched) next->since = machine_.now();
  next->scheduled = true;
  const Duration most =
      queue.waiting().empty() ? next->credit : std::max(next->credit, queue.waiting().front()->credit);
  if (most.ns <= 0) {
    for (std::uint32_t i = 0, q = queue.first(); i < queue.count(); ++i, q = queue.after(q))
      machine_.settle(q);
    queue.reset(*next);
    balance(queue);
  }
  next->tickled = kNowhere;
  if (std::exchange(next->processor, p) != p) next->credit += kMigrateCompensation;
  next->until = machine_.now() + runtime(*next, switched);
  return next->vcpu;
}

Credit2Unit* Credit2Host::candidate(Credit2Queue& queue, std::uint32_t p, Credit2Unit* current) {
  if (current != nullptr && current->migrate_to != nullptr) current = nullptr;
  if (current != nullptr && machine_.now() - current->since < kRateLimit) return current;
  for (Credit2Unit* w : queue.waiting()) {
    if (current != nullptr && w->credit <= current->credit) break;
    if (w->tickled != kNowhere && w->tickled != p && tickled_[w->tickled]) continue;
    if (current != nullptr && w->processor != p && current->credit + kMigrateResist > w->credit) continue;
    return w;
  }
  return current;
}

Duration Credit2Host::runtime(const Credit2Unit& next, bool switched) const {
  const auto& waiting = next.queue->waiting();
  const Duration rival = waiting.empty() ? Duration{} : std::max(waiting.front()->credit, Duration{});
  const Duration credit = std::max(next.credit - rival, Duration{});
  const Duration limited = switched ? kRateLimit : next.since + kRateLimit - machine_.now();
  return std::clamp(next.queue->time_of(next, credit), std::max(kShortest, limited), kLongest);
}

Duration Credit2Host::limit(const Vcpu& vcpu) const {
  return units_[vcpu.number].until - machine_.now();
}

// ---------------------------------------------------------------------- tickle

void Credit2Host::tickle(std::uint32_t p) {
  tickled_[p] = true;
  machine_.reschedule(p);
}

// How much more credit it has than what runs there; not positive: it shall not preempt that.
Duration Credit2Host::score(const Credit2Unit& fresh, std::uint32_t p) {
  const Credit2Unit* running = current(p);
  if (tickled_[p] || running == nullptr) return {};
  if (machine_.now() - running->since <= kRateLimit - kTolerance) return {};
  machine_.settle(p);
  return fresh.credit - running->credit - (p == fresh.processor ? Duration{} : kMigrateResist);
}

void Credit2Host::tickle_for(Credit2Unit& fresh) {
  const Credit2Queue& queue = *fresh.queue;
  std::uint32_t chosen = kNowhere;
  for (std::uint32_t i = 0, p = fresh.processor; i < queue.count() && chosen == kNowhere;
       ++i, p = queue.after(p))
    if (machine_.current(p) == nullptr && !tickled_[p]) chosen = p;
  Duration most;
  const bool idle = chosen != kNowhere;
  for (std::uint32_t i = 0, p = fresh.processor; i < queue.count() && !idle; ++i, p = queue.after(p)) {
    const Duration more = score(fresh, p);
    if (more <= most) continue;
    most = more;
    chosen = p;
    if (i == 0) break;
  }
  if (chosen == kNowhere) return;
  fresh.tickled = chosen;
  tickle(chosen);
}

// --------------------------------------------------------------------- balance

void Credit2Host::move(Credit2Unit& u, Credit2Queue& to) {
  const bool active = u.active;
  if (active) set_active(u, false);
  u.queue->remove(u, machine_.now());
  to.assign(u, machine_.now());
  if (active) set_active(u, true);
}

void Credit2Host::migrate(Credit2Unit& u, Credit2Queue& to) {
  if (u.scheduled) {
    u.migrate_to = &to;
    return tickle(u.processor);
  }
  u.queue->erase(u);
  move(u, to);
  if (u.active) enqueue(u);
}

void Credit2Host::balance(Credit2Queue& local) {
  const Time now = machine_.now();
  const auto distance = [](double a, double b) { return a > b ? a - b : b - a; };
  Credit2Queue* other = nullptr;
  double least = 0;
  for (Credit2Queue& q : queues_) {
    const double d = distance(local.load.at(now), q.load.at(now));
    if (d > least) other = &q, least = d;
  }
  if (other == nullptr) return;
  const double here = local.load.at(now), there = other->load.at(now);
  const bool overloaded = std::max(here, there) >= std::max(local.count(), other->count());
  if (least < (overloaded ? 0.125 : 1.0)) return;

  Credit2Unit *push = nullptr, *pull = nullptr;
  const auto consider = [&](Credit2Unit* a, Credit2Unit* b) {
    const double moved = (b != nullptr ? b->load.at(now) : 0) - (a != nullptr ? a->load.at(now) : 0);
    const double d = distance(here + moved, there - moved);
    if (d < least) push = a, pull = b, least = d;
  };
  for (Credit2Unit* a : local.members()) {
    if (a->migrate_to != nullptr) continue;
    for (Credit2Unit* b : other->members())
      if (b->migrate_to == nullptr) consider(a, b);
    consider(a, nullptr);
  }
  for (Credit2Unit* b : other->members())
    if (b->migrate_to == nullptr) consider(nullptr, b);
  if (push != nullptr) migrate(*push, *other);
  if (pull != nullptr) migrate(*pull, local);
}

}  // namespace candor::sim
