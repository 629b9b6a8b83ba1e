// The future of a simulation: a fixed number of timers, the earliest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace candor::sim {

/// Timers are numbered from 0 and are either set to one time or not at all. Of two that are set to
/// the same time the lower number comes first, so that a run can be repeated. O(log n).
class EventQueue {
 public:
  using Timer = std::uint32_t;

  explicit EventQueue(std::size_t timers) : slots_(timers) { heap_.reserve(timers); }

  /// Sets or moves a timer; Time::never() cancels it.
  void set(Timer timer, Time at) {
    Slot& slot = slots_[timer];
    if (at == Time::never()) return cancel(timer);
    slot.at = at;
    if (slot.place == kUnset) {
      slot.place = heap_.size();
      heap_.push_back(timer);
    }
    sift_down(sift_up(slot.place));
  }
  void cancel(Timer timer) {
    const std::size_t place = slots_[timer].place;
    if (place == kUnset) return;
    slots_[timer].place = kUnset;
    const Timer last = heap_.back();
    heap_.pop_back();
    if (last == timer) return;
    put(place, last);
    sift_down(sift_up(place));
  }
  [[nodiscard]] bool is_set(Timer timer) const { return slots_[timer].place != kUnset; }
  /// Time::never() when none is set.
  [[nodiscard]] Time next() const { return heap_.empty() ? Time::never() : slots_[heap_.front()].at; }
  /// Unsets the first timer and returns it. One must be set.
  Timer pop() {
    const Timer first = heap_.front();
    cancel(first);
    return first;
  }

 private:
  static constexpr std::size_t kUnset = ~std::size_t{0};
  static constexpr std::size_t kArity = 4;
  struct Slot {
    Time at;
    std::size_t place = kUnset;
  };

  [[nodiscard]] bool before(Timer a, Timer b) const {
    return slots_[a].at != slots_[b].at ? slots_[a].at < slots_[b].at : a < b;
  }
  void put(std::size_t place, Timer timer) {
    heap_[place] = timer;
    slots_[timer].place = place;
  }
  std::size_t sift_up(std::size_t place) {
    const Timer timer = heap_[place];
    for (; place > 0; place = (place - 1) / kArity) {
      const Timer parent = heap_[(place - 1) / kArity];
      if (!before(timer, parent)) break;
      put(place, parent);
    }
    put(place, timer);
    return place;
  }
  void sift_down(std::size_t place) {
    const Timer timer = heap_[place];
    for (;;) {
      const std::size_t from = place * kArity + 1;
      std::size_t least = from;
      if (from >= heap_.size()) break;
      for (std::size_t c = from + 1; c < from + kArity && c < heap_.size(); ++c)
        if (before(heap_[c], heap_[least])) least = c;
      if (!before(heap_[least], timer)) break;
      put(place, heap_[least]);
      place = least;
    }
    put(place, timer);
  }

  std::vector<Slot> slots_;
  std::vector<Timer> heap_;
};

}  // namespace candor::sim
