// Quantiles of times without keeping every one: buckets that widen with the value.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace candor::sim {

/// Counts times from 0 to 2^62 ns; negative ones count as 0. Quantiles are exact to one part in 64, and
/// never too short; the largest is exact.
class Histogram {
 public:
  void add(Duration time) {
    const std::uint64_t v = time.ns > 0 ? static_cast<std::uint64_t>(time.ns) : 0;
    const std::size_t i = index(v);
    if (i >= counts_.size()) counts_.resize(i + 1);
    ++counts_[i];
    ++total_;
    if (v > max_) max_ = v;
  }
  void add(const Histogram& other) {
    if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    if (other.max_ > max_) max_ = other.max_;
  }
  [[nodiscard]] std::uint64_t count() const { return total_; }
  [[nodiscard]] Duration max() const { return {static_cast<std::int64_t>(max_)}; }
  /// The smallest time that at least `part` of all times (0 < part <= 1) do not exceed; 0 when empty.
  [[nodiscard]] Duration quantile(double part) const {
    if (total_ == 0) return {};
    const double wanted = part * static_cast<double>(total_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (static_cast<double>(seen) >= wanted) {
        const std::uint64_t end = last_of(i);
        return {static_cast<std::int64_t>(end < max_ ? end : max_)};
      }
    }
    return max();
  }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::uint64_t kLinear = std::uint64_t{1} << kBits;
  static std::size_t index(std::uint64_t v) {
    if (v < kLinear) return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - kBits - 1;
    return (std::size_t{shift} << kBits) + (v >> shift);
  }
  static std::uint64_t last_of(std::size_t i) {
    if (i < 2 * kLinear) return i;
    const unsigned shift = static_cast<unsigned>(i >> kBits) - 1;
    return ((kLinear + (i & (kLinear - 1)) + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace candor::sim
