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

// Written by the control thread, read by main once that has ended.
Loop loop;
std::uint64_t steps;

}  // namespace

int candor::guest_main(Arguments arguments) {
  if (!arguments.empty()) {
    print("control: '{}': takes no arguments\n", arguments[0]);
    return 2;
  }
  const Duration period = milliseconds(1);
  const Thread thread = Thread::create("control", Terms::deadline(period, microseconds(50)), [period] {
    Periodic jobs(period);
    while (!stopping() && jobs.wait_next()) {
      loop.step();
      steps++;
    }
  });
  if (!thread.claim().admitted()) print("control: runs without a reserve: {}\n", thread.claim().why());
  wait_for_shutdown();
  thread.join();

  // The same again, alone: every bit must be the same, however often the thread was preempted.
  Loop expected;
  for (std::uint64_t i = 0; i < steps; i++) expected.step();
  if (loop.angle != expected.angle || loop.speed != expected.speed) {
    print("control: WRONG: after {} steps the pendulum is not where it should be\n", steps);
    return 1;
  }
  if (steps > 2000 && magnitude(loop.angle) > 0.001) {
    print("control: WRONG: after {} steps the pendulum does not stand\n", steps);
    return 1;
  }
  print("control: {} steps, as computed\n", steps);
  return 0;
}
