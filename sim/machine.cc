#include "sim/machine.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace candor::sim {

// Timers: one for each processor, in case of equal times first, so that a job that ends when the next one is
// released or its deadline comes has ended; then one for each thread; then the host's; then one for each
// processor again, for when it is stolen.
Machine::Machine(const Workload& workload, const Plan& plan, const RunOptions& options)
    : workload_(workload), options_(options), processors_(workload.machine.processors), now_(kRunStart) {
  make_threads(plan, options.seed);
  for (std::size_t p = 0; p < processors_.size(); ++p) {
    processors_[p].settled = now_;
    processors_[p].stolen = Random(options.seed).stream("stolen", p);
  }
}

Machine::~Machine() = default;

void Machine::make_threads(const Plan& plan, std::uint64_t seed) {
  std::map<std::string, std::uint32_t> sets;
  const Random random(seed);
  for (std::size_t i = 0; i < workload_.vms.size(); ++i) {
    const VmSpec& spec = workload_.vms[i];
    Vm& vm = vms_.emplace_back();
    vm.spec = &spec;
    vm.index = static_cast<std::uint32_t>(i);
    vm.aware = plan.vms[i].aware;
    for (const VcpuPlan& v : plan.vms[i].vcpus) {
      Vcpu& vcpu = vm.vcpus.emplace_back();
      vcpu.vm = &vm;
      vcpu.index = static_cast<std::uint32_t>(vm.vcpus.size() - 1);
      vcpu.number = vcpu_count_++;
      vcpu.shared = v.shared;
    }
    std::uint32_t locks = 0;
    for (const ThreadSpec& t : spec.threads) {
      Thread& thread = vm.threads.emplace_back();
      thread.spec = &t;
      thread.vm = &vm;
      thread.index = static_cast<std::uint32_t>(vm.threads.size() - 1);
      thread.number = static_cast<std::uint32_t>(threads_.size());
      thread.random = random.stream("thread", thread.number);
      threads_.push_back(&thread);
      const std::uint32_t bound = plan.vms[i].vcpu_of[thread.index];
      if (bound != kNowhere) thread.bound = &vm.vcpus[bound];
      thread.home = thread.bound != nullptr ? thread.bound : &vm.vcpus[thread.index % vm.vcpus.size()];
      if (!thread.home->shared && thread.bound == nullptr) thread.home = &vm.vcpus.front();
      for (const Step& s : t.steps)
        if (s.kind == Step::Kind::kLock) locks = std::max(locks, s.target + 1);
      const std::string& set = t.set.empty() ? t.name : t.set;
      const auto [at, fresh] = sets.emplace(set, static_cast<std::uint32_t>(result_.sets.size()));
      if (fresh) {
        result_.sets.emplace_back();
        result_.sets.back().set = set;
        result_.sets.back().cls = t.cls;
      }
      set_of_.push_back(at->second);
      ++result_.sets[at->second].threads;
      if (plan.vms[i].refused && realtime(t)) ++result_.sets[at->second].refused;
    }
    vm.locks.resize(locks);
    guests_.emplace_back(vm, *this);
  }
}

// -------------------------------------------------------------------- platform

Time Machine::first_instruction(const Vcpu& vcpu) const {
  return now_ + processors_[vcpu.processor].taken + processors_[vcpu.processor].overhead;
}

void Machine::wake(Vcpu& vcpu) {
  vcpu.state = Vcpu::State::kReady;
  vcpu.woken = true;
  host_->wake(vcpu);
}

void Machine::sleep(Vcpu& vcpu) {
  vcpu.state = Vcpu::State::kIdle;
  host_->sleep(vcpu);
  processors_[vcpu.processor].current = nullptr;
  reschedule(vcpu.processor);
}

void Machine::interrupt(Vcpu& vcpu) {
  reschedule(vcpu.processor);
}

void Machine::arm(Thread& thread) {
  events_.set(count() + thread.number, std::min(thread.next_release, thread.wakes_at));
}

void Machine::inherit(Thread& owner) {
  host_->inherited(owner);
}

void Machine::publish(Thread& thread, bool ended) {
  host_->published(thread, ended);
}

// ------------------------------------------------------------------ processors

void Machine::reschedule(std::uint32_t p) {
  if (std::exchange(processors_[p].rescheduled, true)) return;
  to_pick_.push_back(p);
}

void Machine::set_timer(std::uint32_t which, Time at) {
  events_.set(count() + static_cast<std::uint32_t>(threads_.size()) + which, at);
}

void Machine::take(std::uint32_t p, Duration time) {
  settle(p);
  processors_[p].taken += time;
  result_.overhead += time;
  reschedule(p);
}

void Machine::settle(std::uint32_t p) {
  Processor& processor = processors_[p];
  Duration passed = now_ - std::exchange(processor.settled, now_);
  const Duration taken = std::min(processor.taken, passed);
  processor.taken -= taken;
  passed -= taken;
  if (passed.ns == 0) return;
  const Duration overhead = std::min(processor.overhead, passed);
  processor.overhead -= overhead;
  if (processor.current == nullptr) {
    result_.idle += passed - overhead;
    return;
  }
  Vcpu& vcpu = *processor.current;
  vcpu.ran += passed;
  host_->charge(vcpu, passed);
  if (vcpu.current != nullptr) guests_[vcpu.vm->index].computed(vcpu, passed - overhead);
}

void Machine::pick(std::uint32_t p) {
  processors_[p].rescheduled = false;
  settle(p);
  if (now_ < processors_[p].stolen_until) return events_.set(p, processors_[p].stolen_until);
  Vcpu* next = host_->pick(p);
  if (next != processors_[p].current) switch_to(p, next);
  if (next == nullptr) {
    events_.cancel(p);
    return;
  }
  const Thread* before = next->current;
  Guest& guest = guests_[next->vm->index];
  if (guest.dispatch(*next) && before != nullptr)
    processors_[p].overhead += workload_.machine.costs.guest_switch;
  if (next->state != Vcpu::State::kRunning) return;  // it sleeps, and the processor is picked for again
  const Processor& processor = processors_[p];
  const Duration limit = std::min(host_->limit(*next), processor.overhead + guest.until_step(*next));
  events_.set(p,
              limit >= kForever ? Time::never() : now_ + processor.taken + std::max(limit, nanoseconds(1)));
}

void Machine::switch_to(std::uint32_t p, Vcpu* next) {
  Processor& processor = processors_[p];
  if (Vcpu* before = processor.current; before != nullptr) {
    before->state = Vcpu::State::kReady;
    guests_[before->vm->index].preempted(*before);
    ++result_.preemptions;
    if (before->current != nullptr && before->current->holds > 0) ++result_.harmful;
  }
  processor.current = next;
  if (next == nullptr) return;
  ++result_.switches;
  if (next->processor != p && next->processor != kNowhere) ++result_.migrations;
  next->state = Vcpu::State::kRunning;
  next->processor = p;
  Duration cost = workload_.machine.costs.context_switch;
  if (std::exchange(next->woken, false)) cost += workload_.machine.costs.wake_up;
  processor.overhead += cost;
  result_.overhead += cost;
}

// ------------------------------------------------------------------------ time

void Machine::handle(EventQueue::Timer timer) {
  ++result_.events;
  if (timer < count()) return reschedule(timer);
  timer -= count();
  if (timer < threads_.size()) return guests_[threads_[timer]->vm->index].timer(*threads_[timer]);
  timer -= static_cast<std::uint32_t>(threads_.size());
  if (timer < host_->timers()) return host_->timer(timer);
  steal(timer - host_->timers());
}

// Whatever runs seems to run on, and gets nothing done.
void Machine::steal(std::uint32_t p) {
  const MachineSpec& spec = workload_.machine;
  Processor& processor = processors_[p];
  if (now_ > kRunStart) {
    settle(p);
    processor.overhead += spec.stolen;
    processor.stolen_until = now_ + spec.stolen;
    result_.overhead += spec.stolen;
    reschedule(p);
  }
  set_timer(host_->timers() + p, now_ + processor.stolen.exponential(spec.stolen_every));
}

RunResult Machine::run(Host& host) {
  host_ = &host;
  events_ = EventQueue(count() + threads_.size() + host.timers() + count());
  host.start();
  for (std::uint32_t p = 0; p < count() && workload_.machine.stolen.ns > 0; ++p) steal(p);
  for (Guest& guest : guests_) guest.start();
  const Time end = kRunStart + options_.duration;
  for (;;) {
    // In the order in which they were asked for, which is the same in every run.
    for (std::size_t i = 0; i < to_pick_.size(); ++i) pick(to_pick_[i]);
    to_pick_.clear();
    if (settled_) settled_();
    if (options_.until_miss && result_.realtime_misses() > 0) break;
    const Time next = events_.next();
    if (next >= end) {
      now_ = end;
      break;
    }
    now_ = next;
    handle(events_.pop());
  }
  finish();
  return std::move(result_);
}

void Machine::finish() {
  for (std::uint32_t p = 0; p < count(); ++p) settle(p);
  result_.duration = now_ - kRunStart;
  for (const Vm& vm : vms_) {
    VmResult& sum = result_.vms.emplace_back();
    sum.name = vm.spec->name;
    sum.weight = vm.spec->weight;
    for (const Thread& t : vm.threads) {
      sum.work += t.ran;
      SetResult& set = results(t);
      if (t.ready_since != Time::never() && t.state == Thread::State::kReady)
        set.longest_gap = std::max(set.longest_gap, now_ - t.ready_since);
      if (t.spec->arrival == Arrival::kAlways) continue;
      // Jobs that are not done though due.
      const Duration relative = t.spec->deadline.ns > 0 ? t.spec->deadline : t.spec->period;
      std::uint64_t late = t.state != Thread::State::kSleeping && t.deadline < now_ ? 1 : 0;
      for (const Time r : t.released) late += r + relative < now_ ? 1 : 0;
      set.jobs += late;
      set.misses += late;
    }
  }
  host_->report(result_);
}

}  // namespace candor::sim
