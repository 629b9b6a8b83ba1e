// How VMs are configured for SCHED_DEADLINE.
//
//  D1  Each real-time thread has a vCPU of its own, which is a SCHED_DEADLINE thread on the host: runtime for
//  a
//      job, and a period that is the thread's relative deadline. The thread's jobs wake the server, whose
//      deadlines are then the jobs' own, so that runtimes suffice for them if EDF serves all (L. Abeni, G.
//      Buttazzo, "Integrating Multimedia Applications in Hard Real-Time Systems", RTSS 1998; Linux
//      Documentation/scheduler/sched-deadline.rst, 2.1 and 3). No interface needs less.
//  D2  Each processor is an exclusive cpuset, and admits 95 % (sched-deadline.rst, 4.3 and 5). A VM of which
//  a
//      vCPU fits on no processor is refused, and runs in the fair class.
//  D3  Fair threads run on vCPUs of their own, in the fair class.
//
// Favours the rival: vCPUs of the fair class move from cpuset to cpuset.
#pragma once

#include "sim/plan.h"
#include "sim/workload.h"

namespace candor::sim {

/// `plan` has as many fair vCPUs for each VM as its specification says.
void plan_static_deadline(const Workload& workload, Plan& plan);

}  // namespace candor::sim
