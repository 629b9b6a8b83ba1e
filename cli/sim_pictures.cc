#include "cli/sim_pictures.h"

#include <fmt/format.h>

#include <cctype>

#include "cli/units.h"
#include "sim/picture/chart.h"
#include "sim/shown.h"

namespace candor::cli {
namespace {

using sim::Marker;
using sim::Policy;
using sim::Scenario;
using sim::ScenarioResult;
using sim::Shown;

/// Colours of M. Okabe and K. Ito, which people of any colour vision tell apart, without the yellow, which is
/// faint on white. Dashes and markers say the same without colour.
sim::Look look_of(Policy policy) {
  switch (policy) {
    case Policy::kComposite:
      return {.colour = "#0072b2", .dash = "", .marker = Marker::kDisc, .width = 3};
    case Policy::kFair:
      return {.colour = "#d55e00", .dash = "7 3", .marker = Marker::kSquare, .width = 1.8};
    case Policy::kCredit2:
      return {.colour = "#e69f00", .dash = "2 3", .marker = Marker::kTriangle, .width = 1.8};
    case Policy::kRtdsGlobal:
      return {.colour = "#009e73", .dash = "10 3 2 3", .marker = Marker::kDiamond, .width = 1.8};
    case Policy::kRtdsPartitioned:
      return {.colour = "#56b4e9", .dash = "4 2", .marker = Marker::kRing, .width = 1.8};
    case Policy::kStaticFifo:
      return {.colour = "#cc79a7", .dash = "12 4", .marker = Marker::kFrame, .width = 1.8};
    case Policy::kStaticDeadline:
      return {.colour = "#000000", .dash = "1 2", .marker = Marker::kCross, .width = 1.8};
  }
  return {};
}

const char* description_of(Policy policy) {
  switch (policy) {
    case Policy::kComposite:
      return "Candor: what the guests' threads claim decides, across guests";
    case Policy::kFair:
      return "the host kernel's fair class, which knows nothing of what runs in a guest";
    case Policy::kCredit2:
      return "Xen's fair scheduler, credit2";
    case Policy::kRtdsGlobal:
      return "Xen's real-time scheduler RTDS; each virtual processor has a budget, and may run on any "
             "processor";
    case Policy::kRtdsPartitioned:
      return "the same, with each virtual processor on a processor of its own choice once and for all";
    case Policy::kStaticFifo:
      return "SCHED_FIFO: a fixed real-time priority for each guest, by its shortest period";
    case Policy::kStaticDeadline:
      return "SCHED_DEADLINE: a budget in each period for each virtual processor, kept by the host kernel";
  }
  return "";
}

std::string processors_text(std::uint32_t processors) {
  return fmt::format("{} processor{}", processors, processors == 1 ? "" : "s");
}

bool by_lines(const Scenario& scenario) {
  return scenario.axis && scenario.axis->labels.empty() && scenario.axis->values.size() > 1;
}

sim::Chart chart_of(const Scenario& scenario, const Shown& shown, const std::string& processors) {
  const sim::MeasureInfo& measure = info(shown.measure);
  sim::Chart chart;
  chart.title = shown.title;
  chart.subtitle = processors;
  const auto add = [&chart](const std::string& text) {
    chart.subtitle += (chart.subtitle.empty() ? "" : "; ") + text;
  };
  if (!shown.set.empty()) add("threads: " + shown.set);
  add(fmt::format("{} run{} of {} at each point, seed {}", scenario.runs, scenario.runs == 1 ? "" : "s",
                  format_duration(scenario.duration), scenario.seed));
  chart.quantity = fmt::format("{} ({})", measure.title, measure.unit);
  chart.unit = measure.unit;
  chart.part_of_whole = measure.part;
  chart.limit = shown.limit;
  return chart;
}

/// Values under each policy: at all loads with so many processors, or with every number of processors.
std::vector<sim::Series> series(const Scenario& scenario, const ScenarioResult& result, const Shown& shown,
                                const std::vector<std::uint32_t>& processors) {
  std::vector<sim::Series> all;
  for (const Policy policy : scenario.policies) {
    sim::Series one = {.name = to_string(policy), .look = look_of(policy), .values = {}};
    for (const std::uint32_t count : processors)
      for (const sim::Point* point : series_of(result, count, policy))
        one.values.push_back(value_of(shown, *point).value_or(sim::kNoValue));
    all.push_back(std::move(one));
  }
  return all;
}

std::string file_of(const ScenarioResult& result, const Shown& shown, const std::string& processors) {
  std::string name = fmt::format("{}-{}", result.name, info(shown.measure).key);
  if (!shown.set.empty()) name += "-" + shown.set;
  if (!processors.empty()) name += "-" + processors;
  // Sets have any name; files have one that every shell and system takes as it is.
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') c = '-';
  return name + ".svg";
}

std::string reading_of(const Shown& shown, std::string_view mark) {
  std::string text = fmt::format("{} shows {}.", mark, info(shown.measure).reading);
  if (shown.limit)
    text += fmt::format(" The dashed red line is the limit of {} {}.", sim::readable(*shown.limit),
                        info(shown.measure).unit);
  return text;
}

Picture lines(const Scenario& scenario, const ScenarioResult& result, const Shown& shown,
              std::uint32_t processors) {
  sim::Chart chart = chart_of(scenario, shown, processors_text(processors));
  chart.series = series(scenario, result, shown, {processors});
  return {file_of(result, shown, fmt::format("{}", processors)),
          line_chart(chart, scenario.axis->name, scenario.axis->values),
          reading_of(shown, fmt::format("Each line is one scheduler, over {}; a mark", scenario.axis->name))};
}

Picture bars(const Scenario& scenario, const ScenarioResult& result, const Shown& shown,
             const std::vector<std::uint32_t>& processors) {
  const bool one = processors.size() == 1;
  sim::Chart chart = chart_of(scenario, shown, one ? processors_text(processors[0]) : "");
  chart.series = series(scenario, result, shown, processors);
  std::vector<std::string> groups;
  for (const std::uint32_t count : processors)
    for (const double load : scenario.loads())
      groups.push_back(scenario.axis ? fmt::format("{}: {}", result.axis, load_text(result, load))
                                     : processors_text(count));
  return {file_of(result, shown, one ? fmt::format("{}", processors[0]) : ""), bar_chart(chart, groups),
          reading_of(shown, "Each bar is one scheduler, and")};
}

}  // namespace

std::vector<Picture> draw_pictures(const Scenario& scenario, const ScenarioResult& result) {
  std::vector<Picture> pictures;
  for (const Shown& shown : shown_of(scenario, result)) {
    if (!scenario.axis) {
      pictures.push_back(bars(scenario, result, shown, scenario.processors));
      continue;
    }
    for (const std::uint32_t processors : scenario.processors)
      pictures.push_back(by_lines(scenario) ? lines(scenario, result, shown, processors)
                                            : bars(scenario, result, shown, {processors}));
  }
  return pictures;
}

std::string picture_page(const Scenario& scenario, const ScenarioResult& result,
                         const std::vector<Picture>& pictures) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<style>\n"
      "body {{ font-family: Helvetica, Arial, 'DejaVu Sans', sans-serif; color: #222; max-width: 60em; "
      "margin: 2em auto; "
      "padding: 0 1em; line-height: 1.4 }}\n"
      "figure {{ margin: 2.5em 0 }}\nfigcaption {{ color: #444; max-width: 48em }}\nsvg {{ max-width: 100%; "
      "height: auto }}\n"
      "dt {{ font-weight: bold }}\n</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
      "<p>Simulated by <code>candor sim</code>: {1} run{2} of {3} virtual time at each point, seed {4}. "
      "The same seed gives the same figures.</p>\n",
      sim::escaped(result.title), scenario.runs, scenario.runs == 1 ? "" : "s",
      format_duration(scenario.duration), scenario.seed);
  for (const Picture& picture : pictures)
    page += fmt::format("<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n", picture.svg,
                        sim::escaped(picture.reading));
  page += "<h2>The schedulers</h2>\n<dl>\n";
  for (const Policy policy : scenario.policies)
    page += fmt::format("<dt>{}</dt><dd>{}</dd>\n", to_string(policy), sim::escaped(description_of(policy)));
  return page + "</dl>\n</body>\n</html>\n";
}

}  // namespace candor::cli
