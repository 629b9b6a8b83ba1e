// From values to places along an axis, with the marks that people can read.
#pragma once

#include <vector>

namespace candor::sim {

class Scale {
 public:
  /// From 0, or where quantities span decades from the power of ten below the smallest, to the largest. `low`
  /// and `high` are the smallest above 0 and the largest value; `part_of_whole` ends at 100.
  static Scale of_quantity(double low, double high, bool part_of_whole);
  /// From the first value to the last, by decades where these span more than one.
  static Scale of_axis(double first, double last);

  [[nodiscard]] bool logarithmic() const { return logarithmic_; }
  /// 0 at the low end to 1 at the high one; what lies outside is at that end.
  [[nodiscard]] double place(double value) const;
  /// Between 2 and 12 round numbers.
  [[nodiscard]] const std::vector<double>& ticks() const { return ticks_; }

 private:
  Scale(double low, double high, bool logarithmic) : low_(low), high_(high), logarithmic_(logarithmic) {}
  void mark(int about);

  double low_, high_;
  bool logarithmic_;
  std::vector<double> ticks_;
};

}  // namespace candor::sim
