// Ends when asked to while its fair vCPU is preempted, as it is most of the time: this
// guest's own real-time thread has the processor for 7 of each 10 ms, and a neighbour the rest
// in turn. Without ranks the neighbour alone preempts it.
#include "guest/work.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  const Duration period = milliseconds(10), most = milliseconds(7);
  const Work work = Work::calibrate();
  const Thread hog = Thread::create("hog", Terms::deadline(period, most), [period, most, work] {
    Periodic jobs(period);
    while (jobs.wait_next()) work.spend(most);
  });
  if (kernel::host_page().realtime_vcpus != 0)
    test::expect(hog.claim().admitted(), "refused: {}", hog.claim().why());
  // Always ready, so that the vCPU never waits by itself.
  Thread::create("busy", Terms::fair(), [] {
    for (;;) Work::do_units(1000);
  });
  wait_for_shutdown();
  return test::pass("ends_while_preempted");
}
