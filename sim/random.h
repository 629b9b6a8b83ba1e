// Random numbers that are the same bytes for the same seed on every machine and
// with every standard library: distributions of std:: are free to differ, so none is used.
//
// The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom
// Number Generators, OOPSLA 2014): a state of 64 bits, so that each of many thousand threads can have its
// own.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace candor::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed), state_(seed) {}

  /// A generator of its own for what `name` and `index` stand for. It depends on this one's seed alone,
  /// not on how much was drawn: a new use of random numbers changes no other.
  [[nodiscard]] Random stream(std::string_view name, std::uint64_t index = 0) const;

  /// 64 random bits.
  std::uint64_t next();

  /// Each of 0 .. bound - 1 is equally likely. bound > 0.
  std::uint64_t below(std::uint64_t bound);

  /// Each integer of [low, high] is equally likely. low <= high.
  std::int64_t uniform(std::int64_t low, std::int64_t high);
  Duration uniform(Duration low, Duration high) { return {uniform(low.ns, high.ns)}; }

  /// In [0, 1), a multiple of 2^-53.
  double unit();

  /// In [low, high], the logarithm equally distributed: as likely in [1, 10] ms as in [10, 100] ms.
  /// 0 < low <= high.
  Duration log_uniform(Duration low, Duration high);

  /// Exponentially distributed, `mean` on average. mean >= 0.
  Duration exponential(Duration mean);

 private:
  std::uint64_t seed_;
  std::uint64_t state_;
};

}  // namespace candor::sim
