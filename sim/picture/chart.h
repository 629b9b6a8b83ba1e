// Two kinds of pictures: lines over an axis, and bars in groups. Both say everything in words, too: title,
// axes with units, and a label at each line or bar.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "sim/picture/svg.h"

namespace candor::sim {

/// Where there is no value.
inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

/// How a series looks, in every picture the same.
struct Look {
  std::string_view colour = "#222";
  std::string_view dash;
  Marker marker = Marker::kDisc;
  double width = 2;
};

struct Series {
  std::string name;
  Look look;
  std::vector<double> values;  // one for each place on the axis, or for each group
};

/// What both kinds have.
struct Chart {
  std::string title;
  std::string subtitle;
  std::string quantity;  // what the values are, with their unit
  std::string unit;      // behind a value
  bool part_of_whole = false;
  std::optional<double> limit;  // a value to compare with
  std::vector<Series> series;
};

/// Lines over `axis`; its places ascend.
std::string line_chart(const Chart& chart, const std::string& axis, const std::vector<double>& places);

/// A bar for each series in each group.
std::string bar_chart(const Chart& chart, const std::vector<std::string>& groups);

}  // namespace candor::sim
