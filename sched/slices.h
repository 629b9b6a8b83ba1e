// Slices of fair vCPUs. A slice is what the host kernel's fair class lets a thread have at a time: it
// orders ready threads by when each would have had its slice at its share. A shorter one is served sooner
// after a wake-up and gets no more in all. It goes before others at wake-ups, so who asks for it must sleep.
//
//  Z1 A vCPU asks for the run time until it will sleep again: what its running and its ready threads
//     expect together; while it has none, what the thread expects that its timer wakes next. If one of
//     them says nothing, it is not known.
//  Z2 The slice is the shortest step that holds what is asked for. Steps double from kShortestSlice, so
//     that small changes change nothing, and end below the kernel's own slice, which holds for longer
//     requests and unknown ones: a longer slice would make others wait.
//  Z3 A shorter step than now is taken if what is asked for fits with an eighth to spare, a longer one
//     at once.
//  Z4 A vCPU that has no thread and announces none keeps its slice.
//  Z5 One that slept for less than a fifth of the time since the last look has the kernel's own,
//     whatever it says.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace candor::sched {

inline constexpr Duration kShortestSlice = microseconds(100);  // the least that Linux takes

/// Z1: adds up what the threads of one vCPU expect. Any numbers will do.
class SliceRequest {
 public:
  /// More than any slice: all that is longer is the same.
  static constexpr Duration kLongest = seconds(1);

  /// The remaining run time that a thread expects, in nanoseconds; 0: not known.
  void add(std::uint64_t expected_ns);
  /// In (0, kLongest]; zero: not known; nothing: no thread was added.
  [[nodiscard]] std::optional<Duration> total() const { return total_; }

 private:
  std::optional<Duration> total_;
  bool unknown_ = false;
};

/// Z5: whether a vCPU that ran and waited for a processor for so long in `interval` slept enough. The kernel
/// counts a wait when it is over, so one that never sleeps may seem to for as long as its last wait.
[[nodiscard]] bool sleeps(Duration ran, Duration waited, Duration interval);

/// Z2 to Z5: the slice to be set, zero for the kernel's own. `request`: a total of SliceRequest. `now`: what
/// this returned last for the vCPU, at first zero. `ordinary`: the kernel's own slice. Returns zero, or
/// kShortestSlice or more and less than `ordinary`, whatever the arguments are.
[[nodiscard]] Duration next_slice(std::optional<Duration> request, bool sleeps, Duration now,
                                  Duration ordinary);

}  // namespace candor::sched
