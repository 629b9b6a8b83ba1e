// What the parts of a scenario file need of each other while they are read.
#pragma once

#include <optional>
#include <vector>

#include "cli/config_reader.h"
#include "sim/scenario.h"

namespace candor::cli {

/// The points of a scenario: every number that may grow is checked at all of them.
struct Points {
  std::vector<std::uint32_t> processors = {1};
  std::vector<double> loads = {0};
  bool axis = false;
  std::vector<std::string> labels;
};

struct Limits {
  double low = 0;
  double high = 0;
};

/// A number: 4, "4 per processor", "axis" or "axis per processor"; `whole` ones are rounded at each point.
/// Within `limits` at every point, or `fallback` and a message.
sim::Scaled read_scaled(ConfigReader& reader, const toml::table& table, std::string_view key,
                        const Points& points, Limits limits, bool whole, sim::Scaled fallback);

/// A number from `low` to `high`.
double read_number(ConfigReader& reader, const toml::table& table, std::string_view key, Limits limits,
                   double fallback);

/// [[vm]] and all that is below it.
std::vector<sim::VmKind> read_vm_kinds(ConfigReader& reader, const toml::table& root, const Points& points);

/// [random], if it is there. Sound: there are such task sets at every point.
std::optional<sim::RandomSets> read_random(ConfigReader& reader, const toml::table& root,
                                           const Points& points);

/// A table below `table`, as the subject of the messages to come; null if it is not there.
const toml::table* read_table(ConfigReader& reader, const toml::table& table, std::string_view key);

/// The elements of [[key]]; says so where one is no table.
std::vector<const toml::table*> read_tables(ConfigReader& reader, const toml::table& table,
                                            std::string_view key);

}  // namespace candor::cli
