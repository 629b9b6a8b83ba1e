#include "sim/picture/scale.h"

#include <algorithm>
#include <cmath>

namespace candor::sim {
namespace {

// Less can be compared by eye on a linear scale.
constexpr double kDecadesFrom = 30;

double power(int exponent) {
  return std::pow(10, exponent);
}

// About so many, where the scale is linear: and not more than fit.
constexpr int kQuantityMarks = 6, kAxisMarks = 8;
constexpr double kRounding = 1e-9;

double decade_of(double value) {
  return power(static_cast<int>(std::floor(std::log10(value) + kRounding)));
}

/// The smallest 1, 2 or 5 times a power of ten that is not below `value`.
double round_above(double value) {
  const double decade = decade_of(value);
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * decade >= value * (1 - kRounding)) return factor * decade;
  return 10 * decade;
}

}  // namespace

Scale Scale::of_quantity(double low, double high, bool part_of_whole) {
  const bool decades = !part_of_whole && low > 0 && high / low > kDecadesFrom;
  Scale scale(decades ? decade_of(low) : 0, 100, decades);
  if (!part_of_whole) scale.high_ = high > 0 ? (decades ? round_above(high) : high) : 1;
  scale.mark(kQuantityMarks);
  if (!decades && !part_of_whole) {
    // The highest mark is the first that no value is above.
    const double step = scale.ticks_[1] - scale.ticks_[0];
    scale.high_ = std::ceil(scale.high_ / step - kRounding) * step;
    scale.mark(kQuantityMarks);
  }
  return scale;
}

Scale Scale::of_axis(double first, double last) {
  const bool decades = first > 0 && last / first > kDecadesFrom;
  if (last <= first) last = first + 1;
  Scale scale(first, last, decades);
  scale.mark(kAxisMarks);
  return scale;
}

double Scale::place(double value) const {
  double part = 0;
  if (logarithmic_)
    part = value > 0 ? std::log(value / low_) / std::log(high_ / low_) : 0;
  else
    part = (value - low_) / (high_ - low_);
  return std::clamp(part, 0.0, 1.0);
}

void Scale::mark(int about) {
  ticks_.clear();
  if (logarithmic_) {
    const int first = static_cast<int>(std::floor(std::log10(low_) + kRounding));
    const int last = static_cast<int>(std::ceil(std::log10(high_) - kRounding));
    // Few decades have marks between.
    const bool between = last - first <= 3;
    const int every = std::max(1, (last - first) / 10);
    for (int exponent = first; exponent <= last; exponent += every)
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * power(exponent);
        const bool within = tick >= low_ * (1 - kRounding) && tick <= high_ * (1 + kRounding);
        if (within && (between || factor == 1)) ticks_.push_back(tick);
      }
    return;
  }
  const double step = round_above((high_ - low_) / about);
  const double first = std::ceil(low_ / step - kRounding);
  for (int i = 0; (first + i) * step <= high_ + step * kRounding; ++i) ticks_.push_back((first + i) * step);
}

}  // namespace candor::sim
