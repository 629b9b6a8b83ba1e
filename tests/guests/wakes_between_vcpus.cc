// Two threads on different vCPUs wake each other by turns, thousands of times.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr int kRounds = 5000;
std::atomic<int> turn{0};
std::uint32_t volatile carried_by[2];

std::uint32_t vcpu_index() {
  kernel::Masked masked;
  return kernel::this_vcpu_index();
}

void play(int parity, const Thread& other) {
  carried_by[parity] = vcpu_index();
  while (turn < kRounds) {
    while (turn % 2 != parity && turn < kRounds) this_thread::park();
    if (turn < kRounds) turn++;
    other.unpark();
  }
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  test::expect(kernel::host_page().fair_vcpus >= 2, "needs two fair vCPUs");
  const Thread main = this_thread::get();
  const Thread other = Thread::create("other", Terms::fair(), [main] { play(1, main); });
  const Time begin = now();
  play(0, other);
  const Duration took = now() - begin;
  test::expect(carried_by[0] != carried_by[1], "both threads on vCPU {}", std::uint32_t{carried_by[0]});
  print("{} for each wake-up\n", Duration{took.ns / kRounds});
  return test::pass("wakes_between_vcpus");
}
