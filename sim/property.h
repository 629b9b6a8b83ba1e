// Runs a property over random inputs with a seed that the log shows, so that any run can be repeated:
// RC_PARAMS="seed=N".
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <sstream>

namespace candor::sim {

template <typename Property>
void check_property(const char* name, Property property) {
  const rc::detail::Configuration config = rc::detail::configuration();
  std::printf("%s: RC_PARAMS=\"seed=%lu\"\n", name, static_cast<unsigned long>(config.testParams.seed));
  const auto result = rc::detail::checkTestable(property);
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  if (!result.template is<rc::detail::SuccessResult>()) FAIL() << text.str();
}

/// Any of [low, high), in a property. rapidcheck alone tries the lower ones for the first half of its runs.
template <typename T>
T between(T low, T high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high));
}

}  // namespace candor::sim
