#include "sim/picture/svg.h"

#include <fmt/format.h>

namespace candor::sim {
namespace {

// Tenths of a pixel suffice, and are the same text everywhere.
std::string number(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

const char* name_of(Anchor anchor) {
  return anchor == Anchor::kStart ? "start" : anchor == Anchor::kMiddle ? "middle" : "end";
}

std::string stroke(const LineStyle& style) {
  std::string text = fmt::format(R"(stroke="{}" stroke-width="{}")", style.colour, number(style.width));
  if (!style.dash.empty()) text += fmt::format(R"( stroke-dasharray="{}")", style.dash);
  return text;
}

}  // namespace

Svg::Svg(double width, double height, std::string_view label) {
  out_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "role=\"img\" aria-label=\"{2}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      number(width), number(height), escaped(label));
}

void Svg::text(Position at, std::string_view text, const TextStyle& style) {
  out_ += fmt::format(R"(<text x="{}" y="{}" font-size="{}" fill="{}")", number(at.x), number(at.y),
                      style.size, style.colour);
  if (style.anchor != Anchor::kStart) out_ += fmt::format(R"( text-anchor="{}")", name_of(style.anchor));
  if (style.bold) out_ += R"( font-weight="bold")";
  out_ += fmt::format(">{}</text>\n", escaped(text));
}

void Svg::line(Position from, Position to, const LineStyle& style) {
  out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>\n", number(from.x), number(from.y),
                      number(to.x), number(to.y), stroke(style));
}

void Svg::polyline(const std::vector<Position>& points, const LineStyle& style) {
  std::string list;
  for (const Position& p : points)
    list += fmt::format("{}{},{}", list.empty() ? "" : " ", number(p.x), number(p.y));
  out_ += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke-linejoin=\"round\" {}/>\n", list,
                      stroke(style));
}

void Svg::bar(Position top_left, double width, double height, std::string_view colour) {
  out_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n",
                      number(top_left.x), number(top_left.y), number(width), number(height), colour);
}

void Svg::marker(Position at, Marker marker, std::string_view colour) {
  const auto shape = [&](std::string_view path, bool filled) {
    out_ += fmt::format(
        "<path transform=\"translate({} {})\" d=\"{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{}\"/>\n",
        number(at.x), number(at.y), path, filled ? colour : "#fff", filled ? "#fff" : colour,
        filled ? "0.8" : "1.6");
  };
  constexpr std::string_view kRound = "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z";
  constexpr std::string_view kSquare = "M-3.6,-3.6h7.2v7.2h-7.2z";
  switch (marker) {
    case Marker::kDisc:
      return shape(kRound, true);
    case Marker::kSquare:
      return shape(kSquare, true);
    case Marker::kTriangle:
      return shape("M0,-4.8L4.6,3.4h-9.2z", true);
    case Marker::kDiamond:
      return shape("M0,-5L5,0L0,5L-5,0z", true);
    case Marker::kRing:
      return shape(kRound, false);
    case Marker::kFrame:
      return shape(kSquare, false);
    case Marker::kCross:
      return shape("M-3.5,-3.5L3.5,3.5M-3.5,3.5L3.5,-3.5", false);
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

double width_of(std::string_view text, int size) {
  return 0.58 * size * static_cast<double>(text.size());
}

}  // namespace candor::sim
