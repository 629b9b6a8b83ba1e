// The pictures of a scenario's result, and a page that explains them.
#pragma once

#include <string>
#include <vector>

#include "sim/result.h"
#include "sim/scenario.h"

namespace candor::cli {

struct Picture {
  std::string file;  // its name, ending in .svg
  std::string svg;
  std::string reading;  // a sentence or two on how to read it
};

/// One for each measure that the scenario shows: lines where its axis has numbers, and then one for each
/// number of processors; else bars. The same bytes for the same result.
std::vector<Picture> draw_pictures(const sim::Scenario& scenario, const sim::ScenarioResult& result);

/// One HTML page with all of them in it, which needs nothing else.
std::string picture_page(const sim::Scenario& scenario, const sim::ScenarioResult& result,
                         const std::vector<Picture>& pictures);

}  // namespace candor::cli
