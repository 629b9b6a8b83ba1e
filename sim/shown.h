// What a scenario's result is shown as: which measures, of which thread sets.
#pragma once

#include <vector>

#include "sim/result.h"
#include "sim/scenario.h"

namespace candor::sim {

/// What the scenario asks for, or what suits it; each measure of sets once for every set that has it. Titles
/// are filled in.
std::vector<Shown> shown_of(const Scenario& scenario, const ScenarioResult& result);

/// The value at a point, in the measure's unit.
std::optional<double> value_of(const Shown& shown, const Point& point);

/// The points of so many processors under one policy, by load.
std::vector<const Point*> series_of(const ScenarioResult& result, std::uint32_t processors, Policy policy);

/// A load as people read it: its name, or its number.
std::string load_text(const ScenarioResult& result, double load);

}  // namespace candor::sim
