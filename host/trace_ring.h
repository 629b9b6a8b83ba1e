// What the scheduler did, for whoever traces it: the newest events, numbered from 0. Nothing allocates but
// the constructor.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "host/protocol.h"

namespace candor::host {

class TraceRing {
 public:
  /// Room for so many; with none, nothing is kept.
  explicit TraceRing(std::size_t entries) : entries_(entries) {}

  [[nodiscard]] bool on() const { return !entries_.empty(); }
  /// In place of the oldest where there is no room. Without effect if not on().
  void add(const TraceEvent& event) {
    if (on()) entries_[added_++ % entries_.size()] = event;
  }
  /// The oldest that are left and have not been taken, as many as fit; what is missing before the first has
  /// been lost.
  void take(TraceEvents& out) {
    if (added_ - taken_ > entries_.size()) taken_ = added_ - entries_.size();
    out.first = taken_;
    out.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(added_ - taken_, out.events.size()));
    for (std::uint32_t i = 0; i < out.count; ++i) out.events[i] = entries_[taken_++ % entries_.size()];
  }

 private:
  std::vector<TraceEvent> entries_;
  std::uint64_t added_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace candor::host
