// A list kept in order, linked through its elements: the run queue and the
// timers of a vCPU. Pure; tested on the host.
//
// Why a list and not a heap: a vCPU carries few threads, both uses need a look
// at the elements in order (the published ready list, the sleeper that would
// preempt), and the usual insertion goes to the end, where the search begins.
#pragma once

#include <cstddef>

namespace candor::kernel {

template <typename T>
struct ListHook {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

/// `Precedes(a, b)`: a belongs strictly before b. Equals keep their order of insertion.
template <typename T, ListHook<T> T::*Hook, typename Precedes>
class OrderedList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] T* front() const { return first_; }
  [[nodiscard]] static T* next(const T* element) { return (element->*Hook).next; }
  [[nodiscard]] static bool contains(const T* element) { return (element->*Hook).linked; }

  void insert(T* element) {
    T* before = last_;
    while (before != nullptr && Precedes{}(*element, *before)) before = (before->*Hook).previous;
    ListHook<T>& hook = element->*Hook;
    hook.previous = before;
    hook.next = before != nullptr ? (before->*Hook).next : first_;
    hook.linked = true;
    (before != nullptr ? (before->*Hook).next : first_) = element;
    (hook.next != nullptr ? (hook.next->*Hook).previous : last_) = element;
  }

  /// Removing what is not in the list does nothing.
  void remove(T* element) {
    ListHook<T>& hook = element->*Hook;
    if (!hook.linked) return;
    (hook.previous != nullptr ? (hook.previous->*Hook).next : first_) = hook.next;
    (hook.next != nullptr ? (hook.next->*Hook).previous : last_) = hook.previous;
    hook = {};
  }

  T* pop_front() {
    T* element = first_;
    if (element != nullptr) remove(element);
    return element;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace candor::kernel
