// The scale on which all values of a chart, and its limit, have a place.
#pragma once

#include <algorithm>
#include <cmath>

#include "sim/picture/chart.h"
#include "sim/picture/scale.h"

namespace candor::sim {

inline Scale scale_for(const Chart& chart) {
  double low = 0, high = 0;
  const auto include = [&](double value) {
    if (!std::isfinite(value) || value <= 0) return;
    low = low > 0 ? std::min(low, value) : value;
    high = std::max(high, value);
  };
  for (const Series& series : chart.series)
    for (const double value : series.values) include(value);
  if (chart.limit) include(*chart.limit);
  return Scale::of_quantity(low, high, chart.part_of_whole);
}

}  // namespace candor::sim
