// Threads, as applications use them.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/time.h"
#include "guest/clock.h"
#include "guest/terms.h"
#include "guest/wait_queue.h"

namespace candor {

namespace kernel {
struct ThreadControl;
void retain(ThreadControl& thread);
void drop(ThreadControl& thread);
}  // namespace kernel

constexpr std::size_t kDefaultStackBytes = 32768;

/// A handle; copying it counts. The thread goes on until its function returns, whatever becomes of its
/// handles; what the kernel keeps of it goes with the last of both.
class Thread {
 public:
  Thread(const Thread& other) : control_(other.control_) { kernel::retain(*control_); }
  Thread& operator=(const Thread& other) {
    kernel::retain(*other.control_);
    kernel::drop(*control_);
    control_ = other.control_;
    return *this;
  }
  ~Thread() { kernel::drop(*control_); }

  /// Starts `function()` in a thread of its own. Real-time terms are claimed from the host first, or, where
  /// none serves claims, from this kernel; when they are refused the thread runs as fair (see claim()).
  template <typename F>
  static Thread create(std::string_view name, const Terms& terms, F&& function,
                       std::size_t stack_bytes = kDefaultStackBytes) {
    using Function = std::decay_t<F>;
    auto* copy = new Function(std::forward<F>(function));
    const auto enter = [](void* argument) {
      auto* f = static_cast<Function*>(argument);
      (*f)();
      delete f;
    };
    return start(name, terms, enter, copy, stack_bytes);
  }

  /// The same thread.
  [[nodiscard]] bool operator==(const Thread& other) const { return control_ == other.control_; }
  [[nodiscard]] const char* name() const;
  [[nodiscard]] Claim claim() const;
  /// Changes the priority of a thread of class fixed, 1 to 99, and asks the host anew for its claim, if it
  /// has one. In force at once where the thread is on the caller's vCPU, else as soon as that one has been
  /// reached; of several changes the last counts. False, and nothing changes: the thread has another class,
  /// has ended, or there is no such priority. A thread that changes its own class meanwhile keeps what it has
  /// set. Any context.
  [[nodiscard]] bool set_priority(std::uint8_t priority) const;
  /// How often it was moved to another vCPU because its own had no time for it: every 10 ms at most. From any
  /// thread.
  [[nodiscard]] std::uint32_t migrations() const;
  /// Lets the thread's park() return, now or the next time. Any context.
  void unpark() const;
  /// Processor time that it has used, so far or until its end; of one that runs, up to this moment.
  /// Nanoseconds on the guest's clock, counted where threads are switched, so the kernel's work for it and
  /// the upcalls that came meanwhile are included, and waiting is not. Time in which the host kept the vCPU
  /// from running is taken off only when the host says so, about once a second and for the vCPU as a whole:
  /// until then it is counted, and then the threads that ran bear it in proportion. So this may go back a
  /// little. From any thread; a clock read.
  [[nodiscard]] Duration cpu_time() const;
  /// Asks the thread to end: from now on this_thread::cancelled() is true in it, and its waits that can end
  /// without what they are for do so at once, for good. Those are sleeping, park(), Periodic::wait_next(),
  /// and all that has a time limit but mutexes; such a wait still takes what is there. One that cannot fail
  /// (`acquire()`, `send()`, `receive()`, `lock()`, `join()`) goes on: Time::never() is the limit of one that
  /// ends for nothing else. Nothing is taken from the thread: it returns from its function when it sees fit,
  /// by its own destructors. Any context.
  void cancel() const;
  /// Waits until the thread has ended. Any number of threads may, but not itself.
  void join() const { (void)join_within(kernel::WaitLimit::none()); }
  /// False if it has not ended until then; a time that is past asks whether it has.
  [[nodiscard]] bool join_until(Time until) const { return join_within(until); }
  [[nodiscard]] bool join_for(Duration most) const { return join_until(now() + most); }

  explicit Thread(kernel::ThreadControl* control) : control_(control) { kernel::retain(*control); }

 private:
  [[nodiscard]] bool join_within(kernel::WaitLimit limit) const;
  static Thread start(std::string_view name, const Terms& terms, void (*enter)(void*), void* argument,
                      std::size_t stack_bytes);
  kernel::ThreadControl* control_;
};

namespace this_thread {

[[nodiscard]] Thread get();
/// Somebody has asked this thread to end (Thread::cancel()).
[[nodiscard]] bool cancelled();
/// Changes class and reserve. The thread goes on on a vCPU of its new kind.
Claim set_terms(const Terms& terms);
/// False if the thread was asked to end before.
bool sleep_until(Time t);
bool sleep_for(Duration d);
/// Waits for unpark(), or until a time; true if unparked. May be woken without
/// cause, and returns false at once when the thread is asked to end, so look at what you wait for in a loop.
bool park(Time until = Time::never());
/// Lets equals run.
void yield();
/// Thread::cpu_time() of the caller.
[[nodiscard]] Duration cpu_time();
/// Adds to the thread's count of work done, in units of the application's own.
void add_work(std::uint64_t units = 1);

}  // namespace this_thread

/// What this VM's real-time claims may use together, in millionths of one
/// processor; 0 if it may make none.
[[nodiscard]] std::uint32_t entitlement_ppm();

/// The host has asked this VM to end.
[[nodiscard]] bool stopping();
/// Returns when the host asks this VM to end, or somebody the thread. For the main thread.
void wait_for_shutdown();

}  // namespace candor
