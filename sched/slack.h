// What a processor's claims leave over, to the last moment at which it could be
// needed: slack stealing (Lehoczky and Ramos-Thuel 1992) in the order of deadlines.
//
//  K1  By each deadline d, the jobs due may together have used what a processor as
//      fast as the model's ceiling gives from now until d. Slack is what is then left over at
//      the deadline where least is.
//  K2  A job counts with all it may use until it is overdrawn, and what it costs besides. Blocking is a
//      part of that until the job ends, whether it will wait for anybody or not, so it is never given away.
//      After its deadline, its claim counts with limit / period: later jobs are due a period apart.
//  K3  A job delays none that is due before it, so those deadlines do not limit its slack.
#pragma once

#include <span>

#include "sched/types.h"

namespace candor::sched {

/// What a claim may need from now on.
struct Demand {
  Time deadline;   // of the job under way, or of the next
  Duration left;   // what may be used by then
  Duration limit;  // of each later job; at most `period`
  Duration period;
};

/// For how long a job that is due at `deadline` may run beyond what its own demand says, in its
/// place, while all the others still meet their deadlines; never less than 0. `demands` are those of all
/// claims of its processor, its own included; they are sorted.
[[nodiscard]] Duration slack(std::span<Demand> demands, Time now, Time deadline,
                             const ProcessorModel& model = {});

}  // namespace candor::sched
