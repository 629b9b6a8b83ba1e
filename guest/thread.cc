// Making threads, and what they may do with themselves.
#include "guest/thread.h"

#include <new>

#include "guest/claim.h"
#include "guest/inspect.h"
#include "guest/memory.h"
#include "guest/panic.h"
#include "guest/static_thread.h"
#include "guest/vcpu.h"
#include "guest/wait_guard.h"

namespace candor {
namespace kernel {
namespace {

constexpr std::size_t kLeastStack = 8192;

void copy_name(ThreadControl& t, std::string_view name) {
  for (std::size_t i = 0; i < name.size() && i + 1 < sizeof t.name; i++) t.name[i] = name[i];
}

/// Makes the control block of a thread, which has its stack, known to the kernel and to the host.
void prepare(ThreadControl& t, std::string_view name, const Terms& terms, void (*entry)(void*),
             void* argument) {
  copy_name(t, name);
  t.entry = entry;
  t.argument = argument;
  t.extended = t.stack->top() - extended_room();
  __builtin_memset(t.extended, 0, kernel.extended.bytes);
  t.sp = prepare_stack(t.extended, &t);
  allocate_slot(t);
  write_terms(t, terms);
  t.base = t.rank = rank_of(t);
  now_known(t);
}

Thread start(ThreadControl& t) {
  Thread handle(&t);  // it may have ended before we return
  Masked masked;
  Vcpu& where = claim_and_place(t);
  t.base = t.rank = rank_of(t);
  launch(t, where);
  return handle;
}

}  // namespace

std::size_t extended_room() {
  return (kernel.extended.bytes + 63) & ~std::size_t{63};
}

ThreadControl& make_thread(std::string_view name, const Terms& terms, void (*entry)(void*), void* argument,
                           std::size_t stack_bytes) {
  auto& t = *new ThreadControl;
  const std::size_t bytes = (stack_bytes > kLeastStack ? stack_bytes : kLeastStack) + extended_room();
  t.stack = allocate_stack((bytes + kPageBytes - 1) / kPageBytes * kPageBytes);
  prepare(t, name, terms, entry, argument);
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
  {
    const WaitGuard guard(t.joiners);
    t.ended.store(true, std::memory_order_relaxed);
  }
  t.joiners.satisfy_all();
}

void release_thread(ThreadControl& t) {
  release_slot(t);
  if (t.in_place == nullptr) free_stack(t.stack);
  t.stack = nullptr;
  drop(t);
}

void retain(ThreadControl& t) {
  t.references.fetch_add(1, std::memory_order_relaxed);
}
void drop(ThreadControl& t) {
  if (t.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  no_more_known(t);
  StaticThreadMemory* place = t.in_place;
  if (place == nullptr) {
    delete &t;
    return;
  }
  t.~ThreadControl();
  place->used.store(false, std::memory_order_release);
}

// The memory of static threads.

/// Between looks whether the kernel is done with a thread that has ended, as it is in a moment, and whether
/// the last handle is gone.
constexpr Duration kUntilGone = microseconds(100);

static_assert(kMostExtendedBytes <= kPageBytes);  // what StaticThread has for it
static_assert(sizeof(ThreadControl) <= sizeof(StaticThreadMemory::control) &&
              alignof(ThreadControl) <= alignof(StaticThreadMemory));
static_assert(sizeof(Stack) <= sizeof(StaticThreadMemory::stack) &&
              alignof(Stack) <= alignof(StaticThreadMemory));

ThreadControl& StaticThreadMemory::thread() {
  return *std::launder(reinterpret_cast<ThreadControl*>(control));
}

void StaticThreadMemory::claim(std::string_view name) {
  while (used.exchange(true, std::memory_order_acquire)) {
    if (!thread().ended.load(std::memory_order_relaxed))
      panic("{} is started in the memory of {}, which has not ended", name, thread().name);
    this_thread::sleep_for(kUntilGone);
  }
}

Thread StaticThreadMemory::start(std::string_view name, const Terms& terms, void (*enter)(void*),
                                 void* argument, std::byte* memory, std::size_t bytes) {
  if (!has_stack) new (stack) Stack(adopt_stack(memory, bytes));
  has_stack = true;
  auto& t = *new (control) ThreadControl;
  t.in_place = this;
  t.stack = std::launder(reinterpret_cast<Stack*>(stack));
  prepare(t, name, terms, enter, argument);
  return kernel::start(t);
}

void StaticThreadMemory::release() {
  while (used.load(std::memory_order_acquire)) {
    if (!thread().ended.load(std::memory_order_relaxed))
      panic("the memory of {} goes, but the thread has not ended", thread().name);
    this_thread::sleep_for(kUntilGone);
  }
  if (has_stack) give_back_stack(*std::launder(reinterpret_cast<Stack*>(stack)));
  has_stack = false;
}

}  // namespace kernel

using namespace kernel;

Thread Thread::start(std::string_view name, const Terms& terms, void (*enter)(void*), void* argument,
                     std::size_t stack_bytes) {
  return kernel::start(make_thread(name, terms, enter, argument, stack_bytes));
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

void Thread::cancel() const {
  const Waking waking;
  control_->cancelled.store(true, std::memory_order_relaxed);
  Vcpu::wake(*control_);  // sees it when it looks whether its wait is over
}

bool Thread::join_within(WaitLimit limit) const {
  expect_may_wait("Thread::join");
  if (*this == this_thread::get()) panic("{} waits for its own end", control_->name);
  Waiter waiter;
  {
    const WaitGuard guard(control_->joiners);
    if (control_->ended.load(std::memory_order_relaxed)) return true;
    control_->joiners.add(waiter);
  }
  return control_->joiners.wait(waiter, limit);
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

bool cancelled() {
  Masked masked;
  return Vcpu::here().current().cancelled.load(std::memory_order_relaxed);
}

bool sleep_until(Time t) {
  Masked masked;
  const ThreadControl& self = Vcpu::here().current();
  while (now() < t) {
    if (self.cancelled.load(std::memory_order_relaxed)) return false;
    Vcpu::block(t);
  }
  return true;
}
bool sleep_for(Duration d) {
  return sleep_until(now() + d);
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
  while (!stopping() && !this_thread::cancelled()) this_thread::park();
}

}  // namespace candor
