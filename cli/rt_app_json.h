// JSON as rt-app takes it: with comments, keys in the order of the file, no key twice.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace candor::cli {

using OrderedJson = nlohmann::ordered_json;

/// No deeper than rt-app's files are; anything else would only exhaust the stack.
inline constexpr int kJsonDepthMax = 16;

/// Else what is wrong, with the remedy.
Result<OrderedJson, std::string> parse_ordered_json(std::string_view text);

}  // namespace candor::cli
