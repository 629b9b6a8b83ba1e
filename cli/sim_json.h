// What `candor sim --json` writes. docs/simulator.md lists the keys.
#pragma once

#include <string>

#include "sim/result.h"
#include "sim/scenario.h"

namespace candor::cli {

/// The same bytes for the same result. Times that this machine took are in it only where the scenario shows
/// them.
std::string sim_json(const sim::Scenario& scenario, const sim::ScenarioResult& result);

}  // namespace candor::cli
