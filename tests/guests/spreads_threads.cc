// Threads made in one go are spread over the fair vCPUs, though none has run yet.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

std::atomic<std::uint32_t> carried[CANDOR_MAX_VCPUS];

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  constexpr std::uint32_t kThreads = 7, kVcpus = 2;  // with main, four for each
  test::expect(kernel::host_page().fair_vcpus == kVcpus, "needs two fair vCPUs");
  for (std::uint32_t i = 0; i < kThreads; i++)
    Thread::create("one", Terms::fair(), [] {
      {
        kernel::Masked masked;
        carried[kernel::this_vcpu_index()]++;
      }
      wait_for_shutdown();
    });
  const Time patience = now() + seconds(10);
  while (carried[0] + carried[1] < kThreads) {
    test::expect(now() < patience, "not all have run");
    this_thread::sleep_for(milliseconds(1));
  }
  test::expect(carried[1] == 4, "{} and {} threads", carried[0].load(), carried[1].load());
  return test::pass("spreads_threads");
}
