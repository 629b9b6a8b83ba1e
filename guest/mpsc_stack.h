// Many push, one takes all: how vCPUs and waiting threads reach each other
// without a lock that a preempted vCPU could hold. Pure; tested on the host.
#pragma once

#include <atomic>

namespace candor::kernel {

/// A Treiber stack. Only "take all" is offered: popping single elements would
/// need protection against an element that was popped and pushed in between.
template <typename T, T* T::*Next>
class MpscStack {
 public:
  void push(T* element) {
    T* head = head_.load(std::memory_order_relaxed);
    do {
      element->*Next = head;
    } while (
        !head_.compare_exchange_weak(head, element, std::memory_order_seq_cst, std::memory_order_relaxed));
  }

  [[nodiscard]] bool empty() const { return head_.load(std::memory_order_relaxed) == nullptr; }

  /// All elements, oldest first, linked by Next.
  T* take_all() {
    T* newest_first = head_.exchange(nullptr, std::memory_order_seq_cst);
    T* oldest_first = nullptr;
    while (newest_first != nullptr) {
      T* next = newest_first->*Next;
      newest_first->*Next = oldest_first;
      oldest_first = newest_first;
      newest_first = next;
    }
    return oldest_first;
  }

 private:
  std::atomic<T*> head_{nullptr};
};

}  // namespace candor::kernel
