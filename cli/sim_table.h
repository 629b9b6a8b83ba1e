// What `candor sim` prints.
#pragma once

#include <string>

#include "sim/result.h"
#include "sim/scenario.h"

namespace candor::cli {

/// For people: each measure that the scenario shows, and where it has no axis a line for each thread set.
std::string sim_table(const sim::Scenario& scenario, const sim::ScenarioResult& result);

}  // namespace candor::cli
