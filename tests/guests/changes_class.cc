// A thread goes through all classes and finds itself on a vCPU of each one's kind.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

bool on_realtime_vcpu() {
  kernel::Masked masked;
  return kernel::Vcpu::here().realtime();
}

void run_jobs(Duration period) {
  Periodic jobs(period, {}, now());
  for (int job = 0; job < 5; job++) {
    const Time due = jobs.wait_next() ? jobs.release() : Time::never();
    test::expect(now() >= due, "a job before its release");
  }
}

void change(const char* name, const Terms& terms) {
  const Claim claim = this_thread::set_terms(terms);
  const bool separate = kernel::host_page().realtime_vcpus != 0;
  if (terms.realtime() && kernel::kernel.aware)
    test::expect(claim.admitted(), "{}: refused: {}", name, claim.why());
  const bool expected = terms.realtime() && claim.admitted() && separate;
  test::expect(on_realtime_vcpu() == expected, "{}: on the wrong kind of vCPU", name);
  if (terms.realtime()) run_jobs(terms.period);
  test::expect(on_realtime_vcpu() == expected, "{}: later on the wrong kind of vCPU", name);
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static bool volatile done;
  Thread::create("changing", Terms::fair(), [] {
    for (int round = 0; round < 10; round++) {
      change("deadline", Terms::deadline(milliseconds(5), microseconds(200)));
      change("fixed", Terms::fixed(10, milliseconds(5), microseconds(200)));
      change("background", Terms::background());
      change("fixed", Terms::fixed(20, milliseconds(4), microseconds(200)));
      change("fair", Terms::fair());
    }
    done = true;
  });
  const Time patience = now() + seconds(20);
  while (!done) {
    test::expect(now() < patience, "no end");
    this_thread::sleep_for(milliseconds(10));
  }
  return test::pass("changes_class");
}
