#include "guest/timer.h"

#include "guest/made_once.h"
#include "guest/vcpu.h"
#include "guest/wait_guard.h"

namespace candor {

using namespace kernel;

Timer::Timer(void (*function)(void*), void* argument) : Timer(TimerThread::shared(), function, argument) {}

void Timer::start(Time first, Duration period) {
  bool is_first = false;
  {
    const WaitGuard guard(thread_->stops_);
    thread_->timers_.remove(this);
    due_ = first.ns;
    period_ = period;
    left_out_ = 0;
    thread_->timers_.insert(this);
    is_first = thread_->timers_.front() == this;
    if (thread_->calling_ == this)
      thread_->stopped_while_called_ = true;  // the grid it was called by is over
  }
  if (is_first) thread_->thread_.unpark();
}

void Timer::stop() {
  expect_may_wait("Timer::stop");
  Waiter waiter;
  {
    const WaitGuard guard(thread_->stops_);
    thread_->timers_.remove(this);
    due_ = Time::never().ns;
    if (thread_->calling_ != this) return;
    thread_->stopped_while_called_ = true;
    if (this_thread::get() == thread_->thread_) return;
    thread_->stops_.add(waiter);
  }
  (void)thread_->stops_.wait(waiter, WaitLimit::none());
}

TimerThread::TimerThread(std::string_view name, const Terms& terms)
    : thread_(Thread::create(name, terms, [this] { run(); })) {}

TimerThread& TimerThread::shared() {
  return made_once<TimerThread>("timers");
}

void TimerThread::run() {
  for (;;) {
    const Time t = now();
    Timer* due = nullptr;
    Time next = Time::never();
    {
      const WaitGuard guard(stops_);
      if (Timer* first = timers_.front()) {
        next = Time{first->due_};
        if (next <= t) {
          due = first;
          timers_.remove(due);
          calling_ = due;
          stopped_while_called_ = false;
        }
      }
    }
    if (due != nullptr)
      call(*due, next);
    else
      (void)this_thread::park(next);
  }
}

void TimerThread::call(Timer& timer, Time due) {
  timer.function_(timer.argument_);
  const Time t = now();
  {
    const WaitGuard guard(stops_);
    calling_ = nullptr;
    if (!stopped_while_called_) {
      if (timer.period_.ns > 0) {
        std::int64_t periods = 1;
        if (t > due + timer.period_) periods = (t - due).ns / timer.period_.ns;
        timer.left_out_ = timer.left_out_ + static_cast<std::uint64_t>(periods - 1);
        timer.due_ = (due + timer.period_ * periods).ns;
        timers_.insert(&timer);
      } else {
        timer.due_ = Time::never().ns;
      }
    }
  }
  stops_.satisfy_all();
}

}  // namespace candor
