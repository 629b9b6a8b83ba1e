#include "cli/scenario_reader.h"

#include <charconv>
#include <cmath>

namespace candor::cli {
namespace {

constexpr std::string_view kPerProcessor = " per processor";

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<sim::Scaled> scaled_of(const toml::node& node) {
  if (node.is_number()) return sim::Scaled{.times = node.value<double>().value_or(0)};
  const auto written = node.value_exact<std::string>();
  if (!written) return std::nullopt;
  std::string_view text = *written;
  sim::Scaled scaled;
  if (text.ends_with(kPerProcessor)) {
    scaled.by_processors = true;
    text.remove_suffix(kPerProcessor.size());
  }
  if (text == "axis") {
    scaled.by_load = true;
    return scaled;
  }
  const auto times = number_of(text);
  if (!times) return std::nullopt;
  scaled.times = *times;
  return scaled;
}

}  // namespace

sim::Scaled read_scaled(ConfigReader& reader, const toml::table& table, std::string_view key,
                        const Points& points, Limits limits, bool whole, sim::Scaled fallback) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return fallback;
  const auto scaled = scaled_of(*node);
  if (!scaled) {
    reader.fail(*node, key,
                "is not a number that may grow; write for example 4, \"4 per processor\", \"axis\" or \"axis "
                "per processor\"");
    return fallback;
  }
  if (scaled->by_load && (!points.axis || !points.labels.empty())) {
    reader.fail(*node, key, "needs a table [axis] with numbers as its values; add one, or write a number");
    return fallback;
  }
  for (const std::uint32_t processors : points.processors)
    for (const double load : points.loads) {
      const double at = scaled->at(processors, load);
      const double value = whole ? std::round(at) : at;
      if (value >= limits.low && value <= limits.high) continue;
      const bool above = value > limits.high;
      std::string where;
      if (scaled->by_processors) where += fmt::format(" with {} processors", processors);
      if (scaled->by_load) where += fmt::format("{} axis value {}", where.empty() ? " at" : " and", load);
      reader.fail(
          *node, key,
          fmt::format("is {}{}, {} the limit of {}; keep it from {} to {}", value, where,
                      above ? "above" : "below", above ? limits.high : limits.low, limits.low, limits.high));
      return fallback;
    }
  return *scaled;
}

double read_number(ConfigReader& reader, const toml::table& table, std::string_view key, Limits limits,
                   double fallback) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return fallback;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (value && *value >= limits.low && *value <= limits.high) return *value;
  const bool above = value && *value > limits.high;
  reader.fail(*node, key,
              fmt::format("{}; write a number from {} to {}",
                          !value ? "is not a number"
                                 : fmt::format("is {} the limit of {}", above ? "above" : "below",
                                               above ? limits.high : limits.low),
                          limits.low, limits.high));
  return fallback;
}

const toml::table* read_table(ConfigReader& reader, const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return nullptr;
  reader.set_subject(fmt::format("[{}]", key));
  if (!node->is_table())
    reader.fail(node->source(), fmt::format("is not a table; write [{}] on a line of its own", key));
  return node->as_table();
}

std::vector<const toml::table*> read_tables(ConfigReader& reader, const toml::table& table,
                                            std::string_view key) {
  std::vector<const toml::table*> tables;
  const toml::node* node = table.get(key);
  if (node == nullptr) return tables;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    reader.fail(node->source(), fmt::format("\"{}\" is not a list of tables; write [[...{}]]", key, key));
    return tables;
  }
  for (const toml::node& element : *array) {
    if (element.is_table())
      tables.push_back(element.as_table());
    else
      reader.fail(element.source(), fmt::format("an element of \"{}\" is not a table", key));
  }
  return tables;
}

}  // namespace candor::cli
