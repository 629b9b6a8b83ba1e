// Making threads, and what they may do with themselves.
#include "guest/thread.h"

#include "guest/claim.h"
#include "guest/inspect.h"
#include "guest/memory.h"
#include "guest/panic.h"
#include "guest/vcpu.h"
#include "guest/wait_guard.h"

namespace candor {
namespace kernel {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kLeastStack = 8192;

void copy_name(ThreadControl& t, std::string_view name) {
  for (std::size_t i = 0; i < name.size() && i + 1 < sizeof t.name; i++) t.name[i] = name[i];
}

}  // namespace

ThreadControl& make_thread(std::string_view name, const Terms& terms, void (*entry)(void*), void* argument,
                           std::size_t stack_bytes) {
  auto& t = *new ThreadControl;
  copy_name(t, name);
  t.entry = entry;
  t.argument = argument;
  t.stack =
      allocate_stack(stack_bytes < kLeastStack ? kLeastStack : (stack_bytes + kPage - 1) & ~(kPage - 1));
  t.extended = operator new (kernel.extended.bytes, std::align_val_t{64});
  __builtin_memset(t.extended, 0, kernel.extended.bytes);
  t.sp = prepare_stack(stack_top(t.stack), &t);
  allocate_slot(t);
  write_terms(t, terms);
  t.base = t.rank = rank_of(t);
  now_known(t);
  return t;
}

/// Makes a new thread run on `where`.
void launch(ThreadControl& t, Vcpu& where) {
  t.runnable = true;
  publish_job(t, CANDOR_THREAD_READY, now(), Time::never());
  t.home.store(&where, std::memory_order_release);
  where.expect_thread();
  Vcpu::post(t, kMailArrive);
}

void change_priority(ThreadControl& t) {
  const std::uint8_t priority = t.wanted_priority.load(std::memory_order_relaxed);
  if (t.exited || t.terms.cls != CANDOR_CLASS_FIXED || t.terms.priority == priority) return;
  Terms terms = t.terms;
  terms.priority = priority;
  write_terms(t, terms);
  Vcpu& here = Vcpu::here();
  Vcpu& target = guest_serves_claims() ? here : claim_and_place(t);  // a reserve is the same at any priority
  here.stand_by_reserve(t);
  here.send_to(t, target);
}

void tell_end(ThreadControl& t) {
  for (;;) {
    ThreadControl* joiner = nullptr;
    {
      const WaitGuard guard(t.joiners);
      t.ended.store(true, std::memory_order_relaxed);
      if (Waiter* first = t.joiners.first()) joiner = t.joiners.satisfy(*first);
    }
    if (joiner == nullptr) return;
    WaitQueue::wake(joiner);
  }
}

void release_thread(ThreadControl& t) {
  release_slot(t);
  free_stack(t.stack);
  t.stack = nullptr;
  drop(t);
}

void retain(ThreadControl& t) {
  t.references.fetch_add(1, std::memory_order_relaxed);
}
void drop(ThreadControl& t) {
  if (t.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  no_more_known(t);
  operator delete (t.extended, std::align_val_t{64});
  delete &t;
}

}  // namespace kernel

using namespace kernel;

Thread Thread::start(std::string_view name, const Terms& terms, void (*enter)(void*), void* argument,
                     std::size_t stack_bytes) {
  ThreadControl& t = make_thread(name, terms, enter, argument, stack_bytes);
  const Thread handle(&t);  // it may have ended before we return
  Masked masked;
  Vcpu& where = claim_and_place(t);
  t.base = t.rank = rank_of(t);
  launch(t, where);
  return handle;
}

const char* Thread::name() const {
  return control_->name;
}
Claim Thread::claim() const {
  return control_->claim;
}

void Thread::unpark() const {
  const Waking waking;
  Vcpu::unpark(*control_);
}

std::uint32_t Thread::migrations() const {
  return control_->moves.load(std::memory_order_relaxed);
}

bool Thread::set_priority(std::uint8_t priority) const {
  const Waking waking;
  if (priority < 1 || priority > 99 || control_->ended.load(std::memory_order_relaxed) ||
      peek(control_->terms.cls) != CANDOR_CLASS_FIXED)
    return false;
  control_->wanted_priority.store(priority, std::memory_order_relaxed);
  Vcpu::send(*control_, kMailPriority);
  return true;
}

Duration Thread::cpu_time() const {
  return control_->cpu.read(now);
}

bool Thread::join_until(Time until) const {
  expect_may_wait("Thread::join");
  if (*this == this_thread::get()) panic("{} waits for its own end", control_->name);
  Waiter waiter;
  {
    const WaitGuard guard(control_->joiners);
    if (control_->ended.load(std::memory_order_relaxed)) return true;
    control_->joiners.add(waiter);
  }
  return control_->joiners.wait(waiter, until);
}

namespace this_thread {

Thread get() {
  Masked masked;
  return Thread(&Vcpu::here().current());
}

Claim set_terms(const Terms& terms) {
  Masked masked;
  ThreadControl& self = Vcpu::here().current();
  write_terms(self, terms);
  Vcpu& target = claim_and_place(self);
  Vcpu& v = Vcpu::here();
  v.stand_by_reserve(self);
  v.send_to(self, target);
  v.schedule();
  return self.claim;
}

void sleep_until(Time t) {
  Masked masked;
  while (now() < t) Vcpu::block(t);
}
void sleep_for(Duration d) {
  sleep_until(now() + d);
}

bool park(Time until) {
  Masked masked;
  return Vcpu::park(until);
}

void yield() {
  Masked masked;
  Vcpu::yield();
}

Duration cpu_time() {
  return get().cpu_time();
}

void add_work(std::uint64_t units) {
  Masked masked;
  count(Vcpu::here().current().stats->work_units, units);
}

}  // namespace this_thread

bool stopping() {
  return kernel::kernel.stopping.load(std::memory_order_relaxed);
}

void wait_for_shutdown() {
  while (!stopping()) this_thread::park();
}

}  // namespace candor
