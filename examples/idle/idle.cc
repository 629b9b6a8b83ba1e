// A guest that has next to nothing to do: it looks at the time ten times a second.
#include "guest/sdk.h"

namespace {

using namespace candor;

std::uint64_t volatile ticks, early;
// Ticks that come late all come at once, so only those of the last moments may be missing.
constexpr std::uint64_t kMayMiss = 5;

}  // namespace

int candor::guest_main(Arguments arguments) {
  if (!arguments.empty()) {
    print("idle: '{}': takes no arguments\n", arguments[0]);
    return 2;
  }
  const Duration period = milliseconds(100);
  const Time begin = now();
  Thread::create("tick", Terms::fair(), [period, begin] {
    for (Time next = begin + period;; next = next + period) {
      this_thread::sleep_until(next);
      if (now() < next) early = early + 1;
      ticks = ticks + 1;
    }
  });
  wait_for_shutdown();
  const auto due = static_cast<std::uint64_t>((now() - begin).ns / period.ns);
  if (early != 0 || ticks > due || ticks + kMayMiss < due) {
    print("idle: WRONG: {} ticks where {} were due, {} of them early\n", std::uint64_t{ticks}, due,
          std::uint64_t{early});
    return 1;
  }
  print("idle: {} ticks of {}\n", std::uint64_t{ticks}, due);
  return 0;
}
