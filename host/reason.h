// Why a claim stands where it stands, in the words of the run list and of the trace.
#pragma once

#include <string>

#include "sched/scheduler.h"

namespace candor::host {

/// "deadline in 1.250 ms; before it: earlier deadline", "first claim here: priority 7", "budget used up:
/// ...". Times are counted from `now`, that of the explanation.
std::string reason_of(const sched::Explanation& why, Time now);

}  // namespace candor::host
