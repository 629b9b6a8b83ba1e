// A thread without the heap.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "guest/terms.h"
#include "guest/thread.h"

namespace candor {

namespace kernel {

/// What StaticThread does, whatever its size.
struct StaticThreadMemory {
  std::atomic<bool> used{
      false};  // from its start until the kernel and the last handle are done with the thread
  bool has_stack = false;
  alignas(64) std::byte control[768] = {};  // its control block
  std::byte stack[24] = {};                 // and the description of its stack

  /// Waits until it is not used any more, and then is; panics if the thread has not ended.
  void claim(std::string_view name);
  /// In `memory` of `bytes`, multiples of the page size, of which the first page becomes inaccessible.
  Thread start(std::string_view name, const Terms& terms, void (*enter)(void*), void* argument,
               std::byte* memory, std::size_t bytes);
  /// Waits until it is not used any more; panics if the thread has not ended.
  void release();

  ThreadControl& thread();
};

}  // namespace kernel

/// A thread with all that it needs in itself: stack, guard page, what the kernel keeps of it, and its
/// function with what that captures. Nothing comes from the heap, so starting it does not fail for want of
/// memory, and what it takes is known when the image is linked: `kStackBytes`, a multiple of 4096, and three
/// pages. Static, or in other objects.
///
///   constinit StaticThread<16384> control;
///   const Thread thread = control.start("control", Terms::deadline(5ms, 1ms), [] { ... });
template <std::size_t kStackBytes = kDefaultStackBytes>
class StaticThread {
  static_assert(kStackBytes >= 8192 && kStackBytes % 4096 == 0);

 public:
  /// Most that the function may capture.
  static constexpr std::size_t kFunctionBytes = 64;

  constexpr StaticThread() = default;
  /// The thread must have ended, or it panics. If there are handles left, it waits until they are gone.
  /// Threads only.
  ~StaticThread() { memory_.release(); }
  StaticThread(const StaticThread&) = delete;
  StaticThread& operator=(const StaticThread&) = delete;

  /// As Thread::create(). A thread that it was before must have ended, or it panics; its handles are waited
  /// for.
  template <typename F>
  Thread start(std::string_view name, const Terms& terms, F&& function) {
    using Function = std::decay_t<F>;
    static_assert(sizeof(Function) <= kFunctionBytes && alignof(Function) <= alignof(std::max_align_t),
                  "the function captures more than there is room for");
    memory_.claim(name);
    auto* copy = new (function_) Function(std::forward<F>(function));
    const auto enter = [](void* argument) {
      auto* f = static_cast<Function*>(argument);
      (*f)();
      f->~Function();
    };
    return memory_.start(name, terms, enter, copy, pages_, sizeof pages_);
  }

 private:
  // The guard page, the stack, and above it room for the registers that do not fit into it.
  alignas(4096) std::byte pages_[4096 + kStackBytes + 4096] = {};
  alignas(std::max_align_t) std::byte function_[kFunctionBytes] = {};
  kernel::StaticThreadMemory memory_;
};

}  // namespace candor
