#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/measure.h"
#include "sim/picture/chart.h"
#include "sim/picture/range.h"
#include "sim/picture/scale.h"

namespace candor::sim {
namespace {

constexpr double kTop = 74, kPlotWidth = 480, kBottom = 58;
constexpr double kRow = 19, kBar = 13, kHead = 26;
constexpr double kValueWidth = 110;  // right of the longest bar
constexpr std::string_view kGrey = "#666";

class BarChart {
 public:
  BarChart(const Chart& chart, const std::vector<std::string>& groups)
      : chart_(chart),
        groups_(groups),
        scale_(scale_for(chart)),
        left_(left_of(chart)),
        floor_(kTop + static_cast<double>(groups.size()) *
                          (kHead + kRow * static_cast<double>(chart.series.size()))),
        svg_(std::max(left_ + kPlotWidth + kValueWidth, std::ceil(width_of(chart.title, 18) + 32)),
             floor_ + kBottom, chart.title + ". " + chart.subtitle) {}

  std::string draw() {
    svg_.text({16, 28}, chart_.title, {.size = 18, .bold = true});
    svg_.text({16, 48}, chart_.subtitle, {.colour = kGrey});
    frame();
    double y = kTop;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      svg_.text({16, y + kHead - 7}, groups_[i], {.bold = true});
      y += kHead;
      for (const Series& series : chart_.series) {
        bar(series, series.values[i], y);
        y += kRow;
      }
    }
    limit();
    return svg_.finish();
  }

 private:
  static double left_of(const Chart& chart) {
    double widest = 0;
    for (const Series& series : chart.series) widest = std::max(widest, width_of(series.name, 13));
    return std::ceil(widest + 40);
  }
  [[nodiscard]] double x(double value) const { return left_ + scale_.place(value) * kPlotWidth; }

  void frame() {
    for (const double tick : scale_.ticks()) {
      svg_.line({x(tick), kTop}, {x(tick), floor_ + 5}, {.colour = "#ddd", .width = 1, .dash = ""});
      svg_.text({x(tick), floor_ + 20}, readable(tick),
                {.anchor = Anchor::kMiddle, .size = 12, .colour = kGrey});
    }
    svg_.text({left_ + kPlotWidth / 2, floor_ + 44},
              chart_.quantity + (scale_.logarithmic() ? ", logarithmic" : ""), {.anchor = Anchor::kMiddle});
  }

  void bar(const Series& series, double value, double y) {
    const double middle = y + kRow / 2;
    svg_.text({left_ - 8, middle + 4}, series.name, {.anchor = Anchor::kEnd});
    if (std::isnan(value)) {
      svg_.text({left_ + 6, middle + 4}, "none", {.size = 12, .colour = kGrey});
      return;
    }
    // The smallest on a scale of decades is there, too; zero is not.
    const double length = value > 0 ? std::max(x(value) - left_, 2.0) : 0;
    if (length > 0) svg_.bar({left_, middle - kBar / 2}, length, kBar, series.look.colour);
    const std::string unit = std::isinf(value) ? "" : " " + chart_.unit;
    svg_.text({left_ + length + 6, middle + 4}, readable(value) + unit, {.size = 12});
  }

  void limit() {
    if (!chart_.limit) return;
    const double at = x(*chart_.limit);
    svg_.line({at, kTop - 4}, {at, floor_}, {.colour = "#c00", .width = 1.2, .dash = "4 3"});
    svg_.text({at, kTop - 8}, fmt::format("limit: {} {}", readable(*chart_.limit), chart_.unit),
              {.anchor = Anchor::kMiddle, .size = 12, .colour = "#c00"});
  }

  const Chart& chart_;
  const std::vector<std::string>& groups_;
  Scale scale_;
  double left_, floor_;
  Svg svg_;
};

}  // namespace

std::string bar_chart(const Chart& chart, const std::vector<std::string>& groups) {
  return BarChart(chart, groups).draw();
}

}  // namespace candor::sim
