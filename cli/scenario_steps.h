// What a thread does one after the other: steps = ["lock queue", "compute 20us", "unlock queue", "wake
// other"].
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/config_reader.h"
#include "sim/workload.h"

namespace candor::cli {

/// What the steps of one VM's threads name.
struct StepNames {
  ConfigReader::Names threads;                 // kinds, in order
  std::map<std::string, std::uint32_t> locks;  // by name; new ones are added
};

/// The steps at `table`, or none and messages. Sound: they compute, locks nest and are released, none is
/// taken twice.
std::vector<sim::Step> read_steps(ConfigReader& reader, const toml::table& table, StepNames& names);

}  // namespace candor::cli
