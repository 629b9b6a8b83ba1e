#include "sim/picture/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sim/picture/scale.h"

namespace candor::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Svg, IsTheSameTextForTheSameCalls) {
  Svg svg(100, 50.25, "a <b>");
  svg.text({1, 2}, "x & \"y\"", {.anchor = Anchor::kEnd, .size = 12, .bold = true, .colour = "#666"});
  svg.line({0, 0.04}, {-0.04, 3.06}, {.colour = "#111", .width = 1.5, .dash = "2 3"});
  svg.bar({1, 2}, 3, 4, "#fff");
  EXPECT_EQ(
      svg.finish(),
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"50.2\" viewBox=\"0 0 100 50.2\" "
      "role=\"img\" aria-label=\"a &lt;b&gt;\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
      "<rect width=\"100\" height=\"50.2\" fill=\"#fff\"/>\n"
      "<text x=\"1\" y=\"2\" font-size=\"12\" fill=\"#666\" text-anchor=\"end\" font-weight=\"bold\">x &amp; "
      "&quot;y&quot;</text>\n"
      "<line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"3.1\" stroke=\"#111\" stroke-width=\"1.5\" "
      "stroke-dasharray=\"2 3\"/>\n"
      "<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" fill=\"#fff\"/>\n"
      "</svg>\n");
}

TEST(Scale, PartsOfAWholeGoFrom0To100) {
  const Scale scale = Scale::of_quantity(3, 7, true);
  EXPECT_THAT(scale.ticks(), ElementsAre(0, 20, 40, 60, 80, 100));
  EXPECT_EQ(scale.place(50), 0.5);
}

TEST(Scale, QuantitiesStartAt0AndEndAtAMark) {
  const Scale scale = Scale::of_quantity(4, 17, false);
  EXPECT_FALSE(scale.logarithmic());
  EXPECT_THAT(scale.ticks(), ElementsAre(0, 5, 10, 15, 20));
  EXPECT_EQ(scale.place(20), 1);
}

TEST(Scale, QuantitiesThatSpanDecadesAreLogarithmic) {
  const Scale scale = Scale::of_quantity(0.3, 18, false);
  EXPECT_TRUE(scale.logarithmic());
  EXPECT_THAT(scale.ticks(), ElementsAre(0.1, 0.2, 0.5, 1, 2, 5, 10, 20));
  EXPECT_EQ(scale.place(0), 0) << "nothing is at the low end";
  EXPECT_NEAR(scale.place(1), std::log(10) / std::log(200), 1e-9);
}

TEST(Scale, OddOnesHaveMarksAllTheSame) {
  for (const double high : {0.0, 1e-9, 1.0, 99.99, 1e15}) {
    EXPECT_GE(Scale::of_quantity(0, high, false).ticks().size(), 2U) << high;
    EXPECT_LE(Scale::of_quantity(0, high, false).ticks().size(), 12U) << high;
  }
  EXPECT_GE(Scale::of_quantity(1e-6, 1e9, false).ticks().size(), 2U);
  EXPECT_GE(Scale::of_axis(5, 5).ticks().size(), 2U);
}

Chart a_chart() {
  Chart chart;
  chart.title = "Title";
  chart.subtitle = "2 processors";
  chart.quantity = "Delay (ms)";
  chart.unit = "ms";
  chart.series = {{.name = "one",
                   .look = {.colour = "#111", .dash = "", .marker = Marker::kDisc, .width = 2},
                   .values = {1, 2, 3}},
                  {.name = "a<b",
                   .look = {.colour = "#222", .dash = "4 2", .marker = Marker::kRing, .width = 2},
                   .values = {1, kNoValue, 3}}};
  return chart;
}

TEST(LineChart, SaysEverythingInWords) {
  Chart chart = a_chart();
  chart.limit = 2.5;
  const std::string svg = line_chart(chart, "load (VMs)", {1, 2, 3});
  for (const char* text :
       {">Title<", ">2 processors<", ">Delay (ms)<", ">load (VMs)<", ">one<", ">a&lt;b<", ">limit: 2.5 ms<"})
    EXPECT_THAT(svg, HasSubstr(text));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("script")));
  EXPECT_EQ(svg, line_chart(chart, "load (VMs)", {1, 2, 3}));
}

TEST(LineChart, LinesAreWhereTheirValuesAre) {
  const std::string svg = line_chart(a_chart(), "load", {1, 2, 3});
  EXPECT_THAT(svg, HasSubstr("<polyline points=\"74,312 354,202 634,92\" fill=\"none\""));
  EXPECT_THAT(svg, Not(HasSubstr("points=\"74,312 634,92\""))) << "a line across what is not known";
}

TEST(LineChart, LabelsOfLinesThatMeetDoNot) {
  const std::string svg = line_chart(a_chart(), "load", {1, 2, 3});
  EXPECT_THAT(svg, HasSubstr("<text x=\"696\" y=\"96\" font-size=\"13\" fill=\"#222\">one</text>"));
  EXPECT_THAT(svg, HasSubstr("<text x=\"696\" y=\"113\" font-size=\"13\" fill=\"#222\">a&lt;b</text>"));
}

TEST(LineChart, SpanningDecadesItSaysSo) {
  Chart chart = a_chart();
  chart.series[0].values = {1, 100, 10'000};
  EXPECT_THAT(line_chart(chart, "VMs", {1, 10, 1000}),
              testing::AllOf(HasSubstr(">Delay (ms), logarithmic<"), HasSubstr(">VMs, logarithmic<")));
}

TEST(BarChart, HasABarAndItsValueForEachSeriesInEachGroup) {
  Chart chart = a_chart();
  chart.series[0].values = {10, 0};
  chart.series[1].values = {5, kNoValue};
  const std::string svg = bar_chart(chart, {"first", "second"});
  for (const char* text :
       {">Title<", ">Delay (ms)<", ">first<", ">second<", ">10 ms<", ">5 ms<", ">0 ms<", ">none<"})
    EXPECT_THAT(svg, HasSubstr(text));
  EXPECT_THAT(svg, HasSubstr("width=\"480\" height=\"13\" fill=\"#111\"/>"));
  EXPECT_THAT(svg, HasSubstr("width=\"240\" height=\"13\" fill=\"#222\"/>"));
}

TEST(BarChart, ABarThatNeverEndsIsAsLongAsThereIsRoom) {
  Chart chart = a_chart();
  chart.series[0].values = {10};
  chart.series[1].values = {std::numeric_limits<double>::infinity()};
  const std::string svg = bar_chart(chart, {"first"});
  EXPECT_THAT(svg, HasSubstr("width=\"480\" height=\"13\" fill=\"#222\"/>"));
  EXPECT_THAT(svg, HasSubstr(">never<"));
}

}  // namespace
}  // namespace candor::sim
