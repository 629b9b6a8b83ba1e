// Work for which where it is found is the wrong place: it is called in a thread, soon.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "guest/ordered_list.h"
#include "guest/terms.h"
#include "guest/thread.h"
#include "guest/wait_queue.h"

namespace candor {

class DeferredThread;

/// A function that code in a hurry, such as a Watchdog's function or what runs with upcalls masked, has
/// called in a thread, where it may wait and take its time. It is called once for all raises since its last
/// call began, and is told how many they were: so none is lost, there is no queue that could be full, and who
/// has to do something for each does it so often. Raised while it runs, it is called once more.
///
///   Deferred drain([](void* port, std::uint64_t /*raises*/) { static_cast<Port*>(port)->drain(); }, &port);
///
/// Must outlive its use.
class Deferred {
 public:
  using Function = void (*)(void* argument, std::uint64_t raises);

  /// In the thread `thread`, which must outlive it; by default one that all share and that comes before all
  /// fair threads of its vCPU. Threads only.
  Deferred(Function function, void* argument);
  Deferred(DeferredThread& thread, Function function, void* argument);
  /// As cancel(); after that nobody may raise it. Its own function may destroy it, too.
  ~Deferred();
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  /// Has the function called, after those that were raised before. Any context; takes no memory. The first
  /// raise since the last call began wakes the thread, as Thread::unpark() does; a further one is only
  /// counted, without a host call. Not heeded while cancel() waits for the function.
  void raise();
  /// The function is not called any more for what was raised; if it is just being called, that is waited for,
  /// unless it is the function itself that cancels. Threads only, or it panics.
  void cancel();

  /// Is to be called, as of a moment ago. False as soon as it is being called.
  [[nodiscard]] bool raised() const { return raises_.load(std::memory_order_relaxed) != 0; }

 private:
  friend class DeferredThread;
  DeferredThread* thread_;
  Function function_;
  void* argument_;
  kernel::ListHook<Deferred> hook_;
  std::atomic<std::uint64_t> raises_{0};  // since the last call began; written under the lock
};

/// A thread that calls raised functions, one after the other, in the order in which they were raised.
class DeferredThread {
 public:
  explicit DeferredThread(std::string_view name, const Terms& terms = Terms::fixed(99, {}, {}));
  /// Ends the thread. No Deferred may use it any more, or it panics. Threads only, but its own.
  ~DeferredThread();
  DeferredThread(const DeferredThread&) = delete;
  DeferredThread& operator=(const DeferredThread&) = delete;

  /// That of functions that name none; made when it is first asked for.
  static DeferredThread& shared();

 private:
  friend class Deferred;
  struct AsTheyCame {
    bool operator()(const Deferred&, const Deferred&) const { return false; }
  };
  void run();
  void call_raised();

  std::atomic<std::uint32_t> users_{0};
  kernel::WaitQueue calls_;  // wait for the end of the call; its lock guards all of this
  kernel::OrderedList<Deferred, &Deferred::hook_, AsTheyCame> raised_;
  const Deferred* calling_ = nullptr;
  bool cancelled_while_called_ = false;
  Thread thread_;
};

}  // namespace candor
