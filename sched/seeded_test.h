// Properties whose seed the log shows, so that any run can be repeated: RC_PARAMS="seed=N".
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdio>
#include <sstream>

namespace candor::sched {

/// Runs a property of rapidcheck. False: it does not hold, which is reported.
template <typename Property>
bool holds(const char* name, Property property) {
  const auto config = rc::detail::configuration();
  std::printf("%s: RC_PARAMS=\"seed=%lu\"\n", name, static_cast<unsigned long>(config.testParams.seed));
  const auto result = rc::detail::checkTestable(property);
  if (result.template is<rc::detail::SuccessResult>()) return true;
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  ADD_FAILURE() << text.str();
  return false;
}

}  // namespace candor::sched
