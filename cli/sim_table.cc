#include "cli/sim_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/units.h"
#include "sim/shown.h"

namespace candor::cli {
namespace {

using sim::Point;
using sim::Scenario;
using sim::ScenarioResult;
using sim::SetResult;
using sim::Shown;

/// Columns as wide as what is in them: the first ones of text to the left, numbers to the right.
class Table {
 public:
  Table(std::vector<std::string> head, std::size_t text_columns) : text_columns_(text_columns) {
    rows_.push_back(std::move(head));
  }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths(rows_[0].size());
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) line += "  ";
        line += i < text_columns_ ? fmt::format("{:<{}}", row[i], widths[i])
                                  : fmt::format("{:>{}}", row[i], widths[i]);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + '\n';
    }
    return out;
  }

 private:
  std::size_t text_columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string cell(const Shown& shown, const Point& point) {
  const auto value = value_of(shown, point);
  return value ? sim::readable(*value) : "-";
}

std::string heading(const Shown& shown, const ScenarioResult& result) {
  std::string text = fmt::format("{}, {}", shown.title, info(shown.measure).unit);
  if (!shown.set.empty()) text += fmt::format(", of {}", shown.set);
  if (!result.axis.empty()) text += fmt::format(", by {}", result.axis);
  if (shown.limit) text += fmt::format(" (limit: {})", sim::readable(*shown.limit));
  return text + ":\n";
}

std::string by_load(const Scenario& scenario, const ScenarioResult& result, const Shown& shown) {
  std::vector<std::string> head = {"processors", "policy"};
  for (const double load : scenario.loads()) head.push_back(load_text(result, load));
  Table table(std::move(head), 2);
  for (const std::uint32_t processors : scenario.processors)
    for (const sim::Policy policy : scenario.policies) {
      std::vector<std::string> row = {fmt::format("{}", processors), to_string(policy)};
      for (const Point* point : series_of(result, processors, policy)) row.push_back(cell(shown, *point));
      table.add(std::move(row));
    }
  return table.text();
}

std::string by_processors(const Scenario& scenario, const ScenarioResult& result, const Shown& shown) {
  std::vector<std::string> head = {"policy"};
  for (const std::uint32_t processors : scenario.processors)
    head.push_back(fmt::format("{} processor{}", processors, processors == 1 ? "" : "s"));
  Table table(std::move(head), 1);
  for (const sim::Policy policy : scenario.policies) {
    std::vector<std::string> row = {to_string(policy)};
    for (const std::uint32_t processors : scenario.processors)
      for (const Point* point : series_of(result, processors, policy)) row.push_back(cell(shown, *point));
    table.add(std::move(row));
  }
  return table.text();
}

std::string times(const SetResult& set, const sim::Histogram& histogram) {
  if (!has_jobs(set)) return "-";
  const auto ms = [](std::optional<Duration> time) {
    return time ? sim::readable(static_cast<double>(time->ns) / 1e6) : "never";
  };
  return fmt::format("{} / {} / {}", ms(quantile(set, histogram, 0.5)), ms(quantile(set, histogram, 0.99)),
                     ms(longest(set, histogram)));
}

/// Everything about each set, where there is one load only.
std::string by_set(const ScenarioResult& result) {
  Table table({"processors", "policy", "threads", "jobs", "missed", "refused", "response ms p50/p99/max",
               "wake-up ms p50/p99/max", "work %"},
              3);
  for (const Point& point : result.points)
    for (const SetResult& set : point.sum.sets) {
      const bool realtime = set.cls == CANDOR_CLASS_DEADLINE || set.cls == CANDOR_CLASS_FIXED;
      const auto work = value_of(sim::Measure::kWork, point, &set);
      table.add({fmt::format("{}", point.processors), to_string(point.policy), set.set,
                 fmt::format("{}", set.jobs), realtime ? fmt::format("{}", set.misses) : "-",
                 realtime ? fmt::format("{}", set.refused) : "-", times(set, set.response),
                 times(set, set.wakeup), work ? sim::readable(*work) : "-"});
    }
  return table.text();
}

}  // namespace

std::string sim_table(const Scenario& scenario, const ScenarioResult& result) {
  std::string out =
      fmt::format("{}\n{} run{} of {} virtual time at each point, seed {}\n", result.title, scenario.runs,
                  scenario.runs == 1 ? "" : "s", format_duration(scenario.duration), result.seed);
  for (const Shown& shown : shown_of(scenario, result)) {
    out += "\n" + heading(shown, result);
    out += scenario.axis ? by_load(scenario, result, shown) : by_processors(scenario, result, shown);
  }
  if (!scenario.axis) out += "\n" + by_set(result);
  return out;
}

}  // namespace candor::cli
