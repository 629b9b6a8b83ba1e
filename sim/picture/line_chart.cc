#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/measure.h"
#include "sim/picture/chart.h"
#include "sim/picture/range.h"
#include "sim/picture/scale.h"

namespace candor::sim {
namespace {

constexpr double kLeft = 74, kTop = 92, kPlotWidth = 560, kPlotHeight = 330, kBottom = 62;
constexpr double kRight = kLeft + kPlotWidth, kFloor = kTop + kPlotHeight;
constexpr double kLabelGap = 17;  // between the baselines of two labels
constexpr double kLabelX = kRight + 24, kSample = 30;
constexpr LineStyle kGrid = {.colour = "#ddd", .width = 1, .dash = ""};
constexpr std::string_view kGrey = "#666";

/// Where the label of a line goes, and the end of the line that it belongs to.
struct Label {
  const Series* series;
  Position end;
  double mean_y;  // of the line: names of lines that end at one place are in the order in which these lie
  double y;
};

/// As near to the ends of the lines as labels can stand without touching each other.
void spread(std::vector<Label>& labels) {
  std::stable_sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) {
    return std::pair(a.y, a.mean_y) < std::pair(b.y, b.mean_y);
  });
  for (std::size_t i = 1; i < labels.size(); ++i)
    labels[i].y = std::max(labels[i].y, labels[i - 1].y + kLabelGap);
  double below = kFloor;
  for (std::size_t i = labels.size(); i-- > 0; below = labels[i].y - kLabelGap)
    labels[i].y = std::min(labels[i].y, below);
}

class LineChart {
 public:
  LineChart(const Chart& chart, const std::vector<double>& places)
      : chart_(chart),
        places_(places),
        x_(Scale::of_axis(places.front(), places.back())),
        y_(scale_for(chart)),
        svg_(width(), kFloor + kBottom, chart.title + ". " + chart.subtitle) {}

  std::string draw(const std::string& axis) {
    svg_.text({16, 28}, chart_.title, {.size = 18, .bold = true});
    svg_.text({16, 48}, chart_.subtitle, {.colour = kGrey});
    svg_.text({16, kTop - 16}, chart_.quantity + (y_.logarithmic() ? ", logarithmic" : ""));
    frame(axis);
    limit();
    // The first series last, so that it lies above the others where they meet.
    for (auto series = chart_.series.rbegin(); series != chart_.series.rend(); ++series) curve(*series);
    labels();
    return svg_.finish();
  }

 private:
  [[nodiscard]] double width() const {
    double widest = 0;
    for (const Series& series : chart_.series) widest = std::max(widest, width_of(series.name, 13));
    const double needed = width_of(chart_.title, 18) + 32;
    return std::max(std::ceil(kLabelX + kSample + 8 + widest + 12), std::ceil(needed));
  }
  [[nodiscard]] Position at(double place, double value) const {
    return {kLeft + x_.place(place) * kPlotWidth, kFloor - y_.place(value) * kPlotHeight};
  }

  void frame(const std::string& axis) {
    for (const double tick : y_.ticks()) {
      const double y = kFloor - y_.place(tick) * kPlotHeight;
      svg_.line({kLeft, y}, {kRight, y}, kGrid);
      svg_.text({kLeft - 8, y + 4}, readable(tick), {.anchor = Anchor::kEnd, .size = 12, .colour = kGrey});
    }
    // Few places are marked themselves; they are what was simulated.
    const std::vector<double>& ticks = places_.size() <= 8 ? places_ : x_.ticks();
    for (const double tick : ticks) {
      const double x = kLeft + x_.place(tick) * kPlotWidth;
      svg_.line({x, kFloor}, {x, kFloor + 5}, {.colour = kGrey, .width = 1, .dash = ""});
      svg_.text({x, kFloor + 20}, readable(tick), {.anchor = Anchor::kMiddle, .size = 12, .colour = kGrey});
    }
    svg_.line({kLeft, kFloor}, {kRight, kFloor}, {.colour = kGrey, .width = 1, .dash = ""});
    svg_.text({kLeft + kPlotWidth / 2, kFloor + 44}, axis + (x_.logarithmic() ? ", logarithmic" : ""),
              {.anchor = Anchor::kMiddle});
  }

  void limit() {
    if (!chart_.limit) return;
    const double y = at(places_.front(), *chart_.limit).y;
    svg_.line({kLeft, y}, {kRight, y}, {.colour = "#c00", .width = 1, .dash = "2 3"});
    svg_.text({kLeft + 6, y - 5}, fmt::format("limit: {} {}", readable(*chart_.limit), chart_.unit),
              {.size = 12, .colour = "#c00"});
  }

  void curve(const Series& series) {
    std::vector<Position> run;
    std::vector<Position> all;
    const auto flush = [&] {
      if (run.size() > 1) svg_.polyline(run, {series.look.colour, series.look.width, series.look.dash});
      run.clear();
    };
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (std::isnan(series.values[i])) {
        flush();
        continue;
      }
      run.push_back(at(places_[i], series.values[i]));
      all.push_back(run.back());
    }
    flush();
    for (const Position& p : all) svg_.marker(p, series.look.marker, series.look.colour);
  }

  void labels() {
    std::vector<Label> labels;
    for (const Series& series : chart_.series) {
      Label label = {.series = &series, .end = {}, .mean_y = 0, .y = 0};
      int count = 0;
      for (std::size_t i = 0; i < places_.size(); ++i) {
        if (std::isnan(series.values[i])) continue;
        label.end = at(places_[i], series.values[i]);
        label.mean_y += (label.end.y - label.mean_y) / ++count;
      }
      label.y = label.end.y;
      if (count > 0) labels.push_back(label);
    }
    spread(labels);
    for (const Label& label : labels) {
      const Look& look = label.series->look;
      svg_.line({label.end.x + 6, label.end.y}, {kLabelX - 3, label.y},
                {.colour = "#bbb", .width = 0.8, .dash = ""});
      svg_.line({kLabelX, label.y}, {kLabelX + kSample, label.y}, {look.colour, look.width, look.dash});
      svg_.marker({kLabelX + kSample / 2, label.y}, look.marker, look.colour);
      svg_.text({kLabelX + kSample + 8, label.y + 4}, label.series->name);
    }
  }

  const Chart& chart_;
  const std::vector<double>& places_;
  Scale x_, y_;
  Svg svg_;
};

}  // namespace

std::string line_chart(const Chart& chart, const std::string& axis, const std::vector<double>& places) {
  return LineChart(chart, places).draw(axis);
}

}  // namespace candor::sim
