#include "guest/work.h"

#include "base/work.h"
#include "guest/clock.h"
#include "guest/panic.h"

namespace candor {
namespace {

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(now().ns);
}

[[noreturn]] void wrong() {
  panic("a unit of work had a wrong result: registers were lost or mixed up");
}

}  // namespace

void Work::do_units(std::uint64_t units) {
  const std::uint64_t steps = units * kStepsPerWorkUnit;
  if (work_unit(steps) != work_result(steps)) wrong();
}

Work Work::calibrate() {
  return Work(work_steps_per_ms(now_ns));
}

void Work::spend(Duration cpu) const {
  if (cpu.ns > 0 && spend_work(now_ns, static_cast<std::uint64_t>(cpu.ns), steps_per_ms_) == 0) wrong();
}

std::uint64_t Work::units_in(Duration cpu) const {
  const std::uint64_t units =
      static_cast<std::uint64_t>(cpu.ns) / 1000 * steps_per_ms_ / (1000 * kStepsPerWorkUnit);
  return units > 0 ? units : 1;
}

}  // namespace candor
