#include "sched/order.h"

namespace candor::sched {

OrderReason first_difference(const Place& a, const Place& b) {
  if (a.overdrawn != b.overdrawn) return OrderReason::kOverdrawn;
  if (a.cls != b.cls) return OrderReason::kClass;
  // Deadline claims have no priority and fixed ones are not ordered by deadline.
  if (a.cls == CANDOR_CLASS_DEADLINE) {
    if (a.deadline != b.deadline) return OrderReason::kDeadline;
  } else if (a.priority != b.priority) {
    return OrderReason::kPriority;
  }
  if (a.remaining != b.remaining) return OrderReason::kRemaining;
  if (a.vm != b.vm) return OrderReason::kVm;
  if (a.thread != b.thread) return OrderReason::kThread;
  return OrderReason::kSame;
}

bool before(const Place& a, const Place& b) {
  switch (first_difference(a, b)) {
    case OrderReason::kOverdrawn:
      return b.overdrawn;
    case OrderReason::kClass:
      return a.cls < b.cls;  // enum candor_class counts downwards in worth
    case OrderReason::kDeadline:
      return a.deadline < b.deadline;
    case OrderReason::kPriority:
      return a.priority > b.priority;
    case OrderReason::kRemaining:
      return a.remaining < b.remaining;
    case OrderReason::kVm:
      return a.vm < b.vm;
    case OrderReason::kThread:
      return a.thread < b.thread;
    case OrderReason::kReady:  // never between claims
    case OrderReason::kRelease:
    case OrderReason::kSame:
      return false;
  }
  return false;
}

const char* to_string(OrderReason reason) {
  switch (reason) {
    case OrderReason::kReady:
      return "ready, this one is not";
    case OrderReason::kOverdrawn:
      return "budget left, this one has used up its own";
    case OrderReason::kRelease:
      return "earlier release";
    case OrderReason::kClass:
      return "class of more worth";
    case OrderReason::kDeadline:
      return "earlier deadline";
    case OrderReason::kPriority:
      return "higher priority";
    case OrderReason::kRemaining:
      return "same deadline or priority, shorter expected run";
    case OrderReason::kVm:
      return "tie, lower VM number";
    case OrderReason::kThread:
      return "tie, lower thread slot";
    case OrderReason::kSame:
      return "the same thread";
  }
  return "?";
}

}  // namespace candor::sched
