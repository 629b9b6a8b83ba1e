#include "host/reason.h"

#include <array>
#include <cstdio>

namespace candor::host {

std::string reason_of(const sched::Explanation& why, Time now) {
  if (why.thread == sched::kNone) return "no claim is left here";
  std::array<char, 80> text{};
  const auto say = [&](const char* format, auto value) {
    std::snprintf(text.data(), text.size(), format, value);
    return std::string(text.data());
  };
  const auto ms_until = [&](Time t) { return static_cast<double>((t - now).ns) / 1e6; };
  if (why.replenish != Time::never())
    return say("budget used up: fair until it is replenished in %.3f ms", ms_until(why.replenish));
  const std::string when = why.cls == CANDOR_CLASS_FIXED ? say("priority %u", why.priority)
                                                         : say("deadline in %.3f ms", ms_until(why.deadline));
  if (why.behind_previous == sched::OrderReason::kSame) return "first claim here: " + when;
  return when + "; before it: " + sched::to_string(why.behind_previous);
}

}  // namespace candor::host
