// A unit of processor work that means the same to a guest and to a native
// program, so that what they get done can be compared. Freestanding.
//
// A unit is a chain of dependent integer operations on one register: it touches
// no memory, and no compiler or processor can shorten it, so its duration
// depends on the processor's clock only. Its result is checked: a guest that
// loses or mixes up register contents is found out.
#pragma once

#include <cstdint>

namespace candor {

/// Steps of one unit as statistics count them (`work_units`); 1 to 2 microseconds.
constexpr std::uint64_t kStepsPerWorkUnit = 1000;

/// One step, x -> multiplier * x + increment modulo 2^64: a linear congruential generator.
struct WorkStep {
  std::uint64_t multiplier = 6364136223846793005u;
  std::uint64_t increment = 1442695040888963407u;

  [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t x) const {
    return multiplier * x + increment;
  }
  /// This step, then `next`, as one.
  [[nodiscard]] constexpr WorkStep then(WorkStep next) const {
    return {next.multiplier * multiplier, next(increment)};
  }
};

/// Does `steps` steps, one after the other. Not constexpr: a compiler would then
/// be free to do them itself.
[[nodiscard]] inline std::uint64_t work_unit(std::uint64_t steps = kStepsPerWorkUnit) {
  const WorkStep step;
  std::uint64_t x = 0;
  for (; steps != 0; --steps) {
    x = step(x);
    __asm__ volatile("" : "+r"(x));  // keeps compilers from taking several steps at once
  }
  return x;
}

/// What work_unit(steps) must have returned, found in logarithmic time.
[[nodiscard]] constexpr std::uint64_t work_result(std::uint64_t steps) {
  WorkStep all{1, 0};
  for (WorkStep power; steps != 0; steps >>= 1, power = power.then(power)) {
    if ((steps & 1) != 0) all = all.then(power);
  }
  return all(0);
}

/// Steps that an undisturbed processor does in a millisecond. `now_ns` reads any
/// clock. Whatever interrupts a sample makes it longer, so the shortest one counts;
/// samples are much shorter than the interval between interrupts and time slices.
template <typename Clock>
[[nodiscard]] std::uint64_t work_steps_per_ms(Clock&& now_ns) {
  constexpr std::uint64_t kSteps = 20'000;
  constexpr int kSamples = 64;
  std::uint64_t shortest = ~std::uint64_t{0};
  for (int i = 0; i < kSamples; i++) {
    const std::uint64_t start = now_ns();
    const bool right = work_unit(kSteps) == work_result(kSteps);
    const std::uint64_t took = now_ns() - start;
    if (right && took != 0 && took < shortest) shortest = took;
  }
  return kSteps * 1'000'000 / shortest;
}

/// Works until the calling thread has used `work_ns` of processor time, to within a
/// few microseconds, and returns the units done; 0 if a result was wrong. Time in
/// which others ran is not counted; that a busy neighbour on the same core makes
/// the processor slower, is: the same for guests, which see only a clock, and for
/// native programs. `steps_per_ms` is from work_steps_per_ms().
template <typename Clock>
[[nodiscard]] std::uint64_t spend_work(Clock&& now_ns, std::uint64_t work_ns, std::uint64_t steps_per_ms) {
  constexpr std::uint64_t kUnitsAtOnce = 4;
  constexpr std::uint64_t kSteps = kUnitsAtOnce * kStepsPerWorkUnit;
  constexpr std::uint64_t kRight = work_result(kSteps);
  constexpr std::uint64_t kLongestInterrupt = 50'000;
  const std::uint64_t undisturbed = kSteps * 1'000'000 / steps_per_ms;
  std::uint64_t units = 0, spent = 0;
  for (std::uint64_t last = now_ns(); spent < work_ns; units += kUnitsAtOnce) {
    if (work_unit(kSteps) != kRight) return 0;
    const std::uint64_t t = now_ns();
    // A short gap was an interrupt, which is charged to us; in a long one somebody else ran.
    spent += t - last > kLongestInterrupt ? undisturbed : t - last;
    last = t;
  }
  return units;
}

}  // namespace candor
