// What is one of its kind in a guest, if anybody wants it.
#pragma once

#include <atomic>
#include <string_view>

#include "guest/semaphore.h"

namespace candor::kernel {

/// A T of this name, made on the heap when it is first asked for, and there for good. Threads only.
template <typename T>
T& made_once(std::string_view name) {
  // Without a guard of the compiler's: who comes second waits by the semaphore.
  static constinit std::atomic<T*> made{nullptr};
  if (T* t = made.load(std::memory_order_acquire)) return *t;
  static Semaphore turn(1);
  turn.acquire();
  T* t = made.load(std::memory_order_acquire);
  if (t == nullptr) made.store(t = new T(name), std::memory_order_release);
  (void)turn.release();
  return *t;
}

}  // namespace candor::kernel
