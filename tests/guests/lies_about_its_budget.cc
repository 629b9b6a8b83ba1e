// Hostile: claims half a millisecond in five, computes all the time, and says
// again and again that its deadline is now.
#include "guest/vcpu.h"
#include "guest/work.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  const Thread liar = Thread::create("liar", Terms::deadline(milliseconds(5), microseconds(500)), [] {
    Periodic jobs(milliseconds(5));
    static_cast<void>(jobs.wait_next());
    for (;;) {
      Work::do_units(10);
      kernel::Masked masked;
      kernel::publish_job(kernel::Vcpu::here().current(), CANDOR_THREAD_READY, now(), now());
    }
  });
  print("liar: {}\n", liar.claim().admitted() ? "admitted" : liar.claim().why());
  wait_for_shutdown();
  return test::pass("lies_about_its_budget");
}
