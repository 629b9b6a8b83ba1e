// Limits of simulated threads, however they are written.
#pragma once

#include "base/time.h"

namespace candor::cli {

inline constexpr Duration kTaskPeriodMin = microseconds(10), kTaskPeriodMax = seconds(60);

}  // namespace candor::cli
