// One self-contained SVG picture: no script, nothing from outside, the same bytes for the same calls.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace candor::sim {

struct Position {
  double x = 0, y = 0;
};

enum class Anchor { kStart, kMiddle, kEnd };

struct TextStyle {
  Anchor anchor = Anchor::kStart;
  int size = 13;
  bool bold = false;
  std::string_view colour = "#222";
};

struct LineStyle {
  std::string_view colour = "#222";
  double width = 1;
  std::string_view dash;  // as in SVG; empty: solid
};

/// Marks that are told apart without colour.
enum class Marker { kDisc, kSquare, kTriangle, kDiamond, kRing, kFrame, kCross };

class Svg {
 public:
  /// `label` is what the picture says in one sentence, for those who cannot see it.
  Svg(double width, double height, std::string_view label);

  void text(Position at, std::string_view text, const TextStyle& style = {});
  void line(Position from, Position to, const LineStyle& style);
  void polyline(const std::vector<Position>& points, const LineStyle& style);
  void bar(Position top_left, double width, double height, std::string_view colour);
  void marker(Position at, Marker marker, std::string_view colour);

  [[nodiscard]] std::string finish() const { return out_ + "</svg>\n"; }

 private:
  std::string out_;
};

/// What XML needs: & < > and quotes as entities, no control characters.
std::string escaped(std::string_view text);

/// About how wide the text is: fonts differ.
double width_of(std::string_view text, int size);

}  // namespace candor::sim
