// The order of the composite run list. docs/spec.md quotes these rules.
//
//  O1  Deadline claims come first, by effective deadline, earliest first; then
//      fixed claims, by priority, higher first.
//  O2  Ties: the smaller expected remaining run time first (it frees the
//      processor sooner for the other; unknown counts as the whole budget),
//      then the lower VM number, then the lower thread slot. Nothing else
//      breaks a tie, so that any run can be replayed.
//  O3  The effective deadline is the later of the server deadline (server.h)
//      and the guest's own: a guest's deadline can only postpone.
//  O4  A claim that waits holds the place of its next job. The rank of a
//      sleeping vCPU decides what its wake-up preempts, so it must be right
//      before the wake-up; nobody is there to correct it in between.
//  O5  A claim that has used up its budget, and what slack there was for it (slack.h),
//      stands behind all that have not, until its next period. One that goes on there (server.h, S6 and S8)
//      has no place: it runs as fair.
//  O6  Behind all claims: fair threads that are ready, then background ones
//      that are ready, then the others. Among each the guest's own deadline,
//      then expected run time, then the ids order the list; the host kernel's
//      fair scheduler, by the VMs' weights, decides who of them runs.
#pragma once

#include "sched/types.h"

namespace candor::sched {

/// All that the order looks at.
struct Place {
  bool overdrawn = false;                // its budget is used up
  candor_class cls = CANDOR_CLASS_NONE;  // deadline or fixed
  std::uint32_t priority = 0;
  Time deadline = Time::never();  // effective
  Duration remaining;             // expected; the budget where unknown
  VmId vm = 0;
  std::uint32_t thread = 0;
};

/// The first rule that tells two places apart. kReady and kRelease: O6 only.
enum class OrderReason {
  kReady,
  kOverdrawn,
  kClass,
  kRelease,
  kDeadline,
  kPriority,
  kRemaining,
  kVm,
  kThread,
  kSame
};

/// Why `a` and `b` do not stand in the same place; kSame only for equal ids.
OrderReason first_difference(const Place& a, const Place& b);

/// True if `a` comes before `b`. A strict total order over distinct (vm, thread).
bool before(const Place& a, const Place& b);

/// A short phrase for people, e.g. "earlier deadline".
const char* to_string(OrderReason reason);

}  // namespace candor::sched
