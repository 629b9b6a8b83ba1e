// A first-in, first-out list of things that are in it at most once. Nothing allocates.
#pragma once

namespace candor::sched {

/// What a T has to be a part of one Pending<T>.
template <typename T>
struct PendingLink {
  T* later = nullptr;
  bool is_in = false;
};

template <typename T, PendingLink<T> T::*kLink>
class Pending {
 public:
  /// No effect on what is there.
  void add(T& t) {
    if ((t.*kLink).is_in) return;
    t.*kLink = {.later = nullptr, .is_in = true};
    (last_ == nullptr ? first_ : (last_->*kLink).later) = &t;
    last_ = &t;
  }
  /// No effect on what is not there. Visits all before it.
  void remove(T& t) {
    if (!(t.*kLink).is_in) return;
    T* before = nullptr;
    for (T* at = first_; at != &t; at = after(*at)) before = at;
    (before == nullptr ? first_ : (before->*kLink).later) = after(t);
    if (last_ == &t) last_ = before;
    t.*kLink = {};
  }
  void clear() {
    while (first_ != nullptr) {
      T* next = after(*first_);
      first_->*kLink = {};
      first_ = next;
    }
    last_ = nullptr;
  }
  /// Calls see(t) for each, also for those that it adds meanwhile.
  template <typename See>
  void each(See see) {
    for (T* at = first_; at != nullptr; at = after(*at)) see(*at);
  }

 private:
  static T* after(T& t) { return (t.*kLink).later; }

  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace candor::sched
