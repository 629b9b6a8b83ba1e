// A heap linked through its elements (Fredman, Sedgewick, Sleator and Tarjan 1986): O(1) to insert and to see
// the first, O(log n) amortized to remove any. Equals come out in no promised order. Pure; tested on the
// host.
#pragma once

namespace candor::kernel {

template <typename T>
struct HeapHook {
  T* child = nullptr;
  T* sibling = nullptr;
  T* before = nullptr;  // whose child or sibling it is; null: the first of all, or in no heap
  bool linked = false;
};

template <typename T, HeapHook<T> T::*Hook, typename Precedes>
class PairingHeap {
 public:
  [[nodiscard]] T* front() const { return root_; }
  [[nodiscard]] static bool contains(const T* element) { return (element->*Hook).linked; }

  void insert(T* element) {
    element->*Hook = {};
    (element->*Hook).linked = true;
    root_ = meld(root_, element);
  }

  /// Removing what is not in the heap does nothing.
  void remove(T* element) {
    HeapHook<T>& hook = element->*Hook;
    if (!hook.linked) return;
    T* rest = pair_up(hook.child);
    if (element == root_) {
      root_ = rest;
    } else {
      HeapHook<T>& before = hook.before->*Hook;
      (before.child == element ? before.child : before.sibling) = hook.sibling;
      if (hook.sibling != nullptr) (hook.sibling->*Hook).before = hook.before;
      root_ = meld(root_, rest);
    }
    hook = {};
  }

 private:
  // Of two heaps' firsts; either may be null.
  static T* meld(T* a, T* b) {
    if (a == nullptr) return b;
    if (b == nullptr) return a;
    if (Precedes{}(*b, *a)) {
      T* t = a;
      a = b;
      b = t;
    }
    HeapHook<T>&above = a->*Hook, &below = b->*Hook;
    below.sibling = above.child;
    if (above.child != nullptr) (above.child->*Hook).before = b;
    below.before = a;
    above.child = b;
    above.before = nullptr;
    above.sibling = nullptr;
    return a;
  }

  // Siblings become one heap: in pairs from the left, then all from the right. Without recursion: there may
  // be many.
  static T* pair_up(T* first) {
    T* pairs = nullptr;  // linked by sibling, last pair first
    while (first != nullptr) {
      T* a = detach(first);
      T* b = first == nullptr ? nullptr : detach(first);
      T* pair = meld(a, b);
      (pair->*Hook).sibling = pairs;
      pairs = pair;
    }
    T* all = nullptr;
    while (pairs != nullptr) {
      T* pair = pairs;
      pairs = (pair->*Hook).sibling;
      (pair->*Hook).sibling = nullptr;
      all = meld(all, pair);
    }
    return all;
  }

  static T* detach(T*& first) {
    T* element = first;
    first = (element->*Hook).sibling;
    (element->*Hook).sibling = nullptr;
    (element->*Hook).before = nullptr;
    return element;
  }

  T* root_ = nullptr;
};

}  // namespace candor::kernel
