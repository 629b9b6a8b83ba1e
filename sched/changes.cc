// Claims that come after others have gone.
//
// Admission's tests hold for a set of claims whose jobs keep their periods apart, whenever the first ones
// come. So a claim that comes to others is no matter. One that goes has had its job's time in intervals that
// the others' jobs are still in, and another that takes its room at once would have its time in them as well.
//
//  C1  A new claim of a processor has its first budget not before the next releases that the claims gone from
//      there, given up or moved, could have had: then it is as if it had taken their place between jobs. Or
//      at the first moment when no claim there has work left for which it has a budget: what was before
//      does not matter to any job from then on. Slack that was given to a job counts like a claim gone.
//  C2  What a claim given up has used with a rank was lent on its VM's bandwidth until its rate has made up
//      for it (server.h, S8). A claim of that VM that would be too much together with such has its first
//      budget after that. So nothing is gained by a change of claims.
//
// Until then a claim is exhausted (server.h, S12): it runs as fair, and its guest is told until when.
#include <algorithm>

#include "sched/scheduler.h"

namespace candor::sched {

void Scheduler::note_gone(const Claim& claim, Time now) {
  Vm& vm = *claim.vm;
  const Time until = std::max(claim.server.earliest(), claim.server.even());
  if (until <= now) return;
  if (vm.gone_until <= now) vm.gone_ppm = 0;
  vm.gone_ppm += claim.ppm;
  vm.gone_until = std::max(vm.gone_until, until);
}

}  // namespace candor::sched
