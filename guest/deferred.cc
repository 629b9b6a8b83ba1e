#include "guest/deferred.h"

#include "guest/made_once.h"
#include "guest/panic.h"
#include "guest/vcpu.h"
#include "guest/wait_guard.h"

namespace candor {

using namespace kernel;

Deferred::Deferred(Function function, void* argument)
    : Deferred(DeferredThread::shared(), function, argument) {}

Deferred::Deferred(DeferredThread& thread, Function function, void* argument)
    : thread_(&thread), function_(function), argument_(argument) {
  thread.users_.fetch_add(1, std::memory_order_relaxed);
}

Deferred::~Deferred() {
  cancel();
  thread_->users_.fetch_sub(1, std::memory_order_release);
}

void Deferred::raise() {
  {
    const WaitGuard guard(thread_->calls_);
    if (thread_->calling_ == this && thread_->cancelled_while_called_) return;
    const std::uint64_t before = raises_.load(std::memory_order_relaxed);
    raises_.store(before + 1, std::memory_order_relaxed);
    if (before != 0) return;
    thread_->raised_.insert(this);
  }
  thread_->thread_.unpark();
}

void Deferred::cancel() {
  expect_may_wait("Deferred::cancel");
  Waiter waiter;
  {
    const WaitGuard guard(thread_->calls_);
    thread_->raised_.remove(this);
    raises_.store(0, std::memory_order_relaxed);
    if (thread_->calling_ != this || this_thread::get() == thread_->thread_) return;
    thread_->cancelled_while_called_ = true;
    thread_->calls_.add(waiter);
  }
  (void)thread_->calls_.wait(waiter, WaitLimit::none());
}

DeferredThread::DeferredThread(std::string_view name, const Terms& terms)
    : thread_(Thread::create(name, terms, [this] { run(); })) {}

DeferredThread::~DeferredThread() {
  if (const std::uint32_t users = users_.load(std::memory_order_acquire); users != 0)
    panic("the thread {} of deferred functions is destroyed, but {} of them use it", thread_.name(), users);
  thread_.cancel();
  thread_.join();
}

DeferredThread& DeferredThread::shared() {
  return made_once<DeferredThread>("deferred");
}

void DeferredThread::run() {
  while (!this_thread::cancelled()) {
    call_raised();
    (void)this_thread::park();
  }
}

/// Calls what is raised until nothing is.
void DeferredThread::call_raised() {
  for (;;) {
    Deferred::Function function = nullptr;
    void* argument = nullptr;
    std::uint64_t raises = 0;
    {
      const WaitGuard guard(calls_);
      Deferred* first = raised_.pop_front();
      if (first == nullptr) return;
      function = first->function_;
      argument = first->argument_;
      raises = first->raises_.exchange(0, std::memory_order_relaxed);
      calling_ = first;
      cancelled_while_called_ = false;
    }
    function(argument, raises);
    // From here on it may be gone: its function may have destroyed it, and who waits for the call may.
    {
      const WaitGuard guard(calls_);
      calling_ = nullptr;
    }
    calls_.satisfy_all();
  }
}

}  // namespace candor
