// The host answers a claim only after the guest has given up waiting, since it has
// stopped listening to one that rings too often: the thread gets its reserve then.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

bool on_realtime_vcpu() {
  kernel::Masked masked;
  return kernel::Vcpu::here().realtime();
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  Claim claim;
  {
    kernel::Masked masked;
    for (int i = 0; i < 500; i++) kernel::call_host(CANDOR_CALL_RING, CANDOR_BELL_SCHED);
    claim = this_thread::set_terms(Terms::deadline(milliseconds(10), microseconds(500)));
  }
  print("at first: {}\n", claim.admitted() ? "admitted" : claim.why());
  const Time patience = now() + seconds(5);
  while (kernel::kernel.aware && !on_realtime_vcpu()) {
    test::expect(now() < patience, "never admitted");
    this_thread::sleep_for(milliseconds(5));
  }
  if (kernel::kernel.aware) test::expect(this_thread::get().claim().admitted(), "not by its claim");
  this_thread::set_terms(Terms::fair());
  test::expect(!on_realtime_vcpu(), "does not come back");
  return test::pass("takes_late_answers");
}
