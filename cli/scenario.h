// Scenario files of `candor sim`. docs/simulator.md describes them for users.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "cli/config.h"
#include "sim/scenario.h"

namespace candor::cli {

/// Messages are those of configuration files: place, key, value, limit, and what to write instead.
Result<sim::Scenario, ConfigErrors> load_scenario(const std::filesystem::path& file);

/// The same from text; `file` is only named in messages.
Result<sim::Scenario, ConfigErrors> parse_scenario(std::string_view text, const std::filesystem::path& file);

/// Policies by their names; or what is wrong with one, with the remedy.
Result<std::vector<sim::Policy>, std::string> parse_policies(const std::vector<std::string>& names);

}  // namespace candor::cli
