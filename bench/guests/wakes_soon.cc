// One vCPU hands work to another that has been idle for some fifty microseconds,
// and they measure how soon it sees it.
#include "guest/sdk.h"
#include "guest/vcpu.h"

namespace {

using namespace candor;

constexpr int kRounds = 500;
constexpr Duration kPause = microseconds(50);

std::atomic<std::int64_t> sent{0};
std::atomic<int> seen{0};
std::int64_t latencies[kRounds];

void receive() {
  for (int round = 0; round < kRounds; round++) {
    while (sent == 0) this_thread::park();
    latencies[round] = now().ns - sent;
    sent = 0;
    seen++;
  }
}

void sort() {
  for (int i = 1; i < kRounds; i++)
    for (int k = i; k > 0 && latencies[k] < latencies[k - 1]; k--) {
      const std::int64_t t = latencies[k];
      latencies[k] = latencies[k - 1];
      latencies[k - 1] = t;
    }
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  if (kernel::host_page().fair_vcpus < 2) {
    print("wakes_soon: needs two fair vCPUs\n");
    return 2;
  }
  const Thread receiver = Thread::create("receiver", Terms::fair(), receive);
  for (int round = 0; round < kRounds; round++) {
    while (seen != round) kernel::relax();
    for (const Time go = now() + kPause; now() < go;) kernel::relax();
    sent = now().ns;
    receiver.unpark();
  }
  while (seen != kRounds) kernel::relax();
  sort();
  print("wakes_soon: median {} ns\n", latencies[kRounds / 2]);
  return 0;
}
