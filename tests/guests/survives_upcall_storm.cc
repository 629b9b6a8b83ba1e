// Another vCPU notifies this one without pause, so that upcalls come at every
// place, on the way out of the one before too: nothing is lost, nothing piles up.
#include "guest/vcpu.h"
#include "tests/guests/registers.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

const candor_guest_vcpu& own_page() {
  kernel::Masked masked;
  return kernel::Vcpu::here().page();
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  test::expect(kernel::host_page().fair_vcpus >= 2, "needs two fair vCPUs");
  const candor_guest_vcpu& page = own_page();
  kernel::Vcpu& target = kernel::Vcpu::at(0);
  Thread::create("storm", Terms::fair(), [&target] {
    for (;;) {
      kernel::Masked masked;
      target.notify();
    }
  });
  const std::uint64_t before = page.upcalls;
  // A second, or until there was a storm: where others want the processors, both vCPUs seldom run at a time.
  const Time end = now() + seconds(1), last = now() + seconds(20);
  const auto goes_on = [&] { return now() < end || (page.upcalls - before <= 100 && now() < last); };
  while (goes_on()) {
    const std::uint32_t lost = test::lost_registers(1'000);
    test::expect(lost == 0, "after {} upcalls: lost number {}", page.upcalls - before, lost);
  }
  print("{} upcalls\n", page.upcalls - before);
  test::expect(page.upcalls - before > 100, "no storm");
  return test::pass("survives_upcall_storm");
}
