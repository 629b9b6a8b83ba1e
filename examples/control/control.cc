// A control loop at 1 kHz: a pendulum that falls over unless it is steered
// each millisecond. Pendulum and controller are simulated, one step for each
// job, so the result does not depend on when the jobs ran; that it was
// steered on time, the statistics tell.
#include "guest/sdk.h"

namespace {

using namespace candor;

struct Loop {
  double angle = 0.2, speed = 0;  // radians, radians per second

  /// One millisecond of a pendulum 30 cm long that stands on its head.
  void step() {
    constexpr double kStep = 0.001, kGravityByLength = 9.81 / 0.3;
    const double push = 120.0 * angle + 20.0 * speed;
    speed += (kGravityByLength * angle - push) * kStep;
    angle += speed * kStep;
  }
};

double magnitude(double x) {
  return x < 0 ? -x : x;
}

// Written by the control thread, read by main once the run is over.
Loop loop;
std::uint64_t volatile steps;

}  // namespace

int candor::guest_main(Arguments arguments) {
  if (!arguments.empty()) {
    print("control: '{}': takes no arguments\n", arguments[0]);
    return 2;
  }
  const Duration period = milliseconds(1);
  const Thread thread = Thread::create("control", Terms::deadline(period, microseconds(50)), [period] {
    Periodic jobs(period);
    while (jobs.wait_next()) {
      loop.step();
      steps = steps + 1;
    }
  });
  if (!thread.claim().admitted()) print("control: runs without a reserve: {}\n", thread.claim().why());
  wait_for_shutdown();

  // The same again, alone: every bit must be the same, however often the thread was preempted.
  const std::uint64_t done = steps;
  const Loop result = loop;
  Loop expected;
  for (std::uint64_t i = 0; i < done; i++) expected.step();
  // The thread may have been in the middle of one more step.
  Loop next = expected;
  next.step();
  const auto same = [&result](const Loop& l) { return result.angle == l.angle && result.speed == l.speed; };
  if (!same(expected) && !same(next)) {
    print("control: WRONG: after {} steps the pendulum is not where it should be\n", done);
    return 1;
  }
  if (done > 2000 && magnitude(result.angle) > 0.001) {
    print("control: WRONG: after {} steps the pendulum does not stand\n", done);
    return 1;
  }
  print("control: {} steps, as computed\n", done);
  return 0;
}
