// What it costs a guest to say what its threads are worth: dispatches among so
// many ready threads, which the benchmark compares between an aware guest and
// one that does not publish; and a job line.
#include "guest/sdk.h"
#include "guest/vcpu.h"

namespace {

using namespace candor;

constexpr std::int64_t kTimes = 10'000;
constexpr int kSamples = 50;
constexpr std::size_t kStackBytes = 16 * 1024;

void be_ready() {
  for (;;) this_thread::yield();
}

/// Of one call. The median would do on a quiet machine; the shortest sample is right on any.
template <typename F>
std::int64_t picoseconds(std::int64_t calls, F&& call) {
  Duration shortest = seconds(3600);
  for (int sample = 0; sample < kSamples; sample++) {
    const Time begin = now();
    for (std::int64_t i = 0; i < calls; i++) call(i);
    const Duration took = now() - begin;
    if (took < shortest) shortest = took;
  }
  return shortest.ns * 1000 / calls;
}

}  // namespace

int candor::guest_main(Arguments) {
  std::uint32_t created = 0;
  for (const std::uint32_t ready : {0u, 1u, 8u, CANDOR_MAX_READY}) {
    for (; created < ready; created++) Thread::create("ready", Terms::fair(), be_ready, kStackBytes);
    // A round of all threads: as many dispatches as there are threads, this one included.
    const std::int64_t round = picoseconds(kTimes / (ready + 1), [](std::int64_t) { this_thread::yield(); });
    const kernel::Masked masked;
    print("publish ready={} published={} ps={}\n", ready,
          kernel::peek(kernel::Vcpu::here().page().ready_count), round / (ready + 1));
  }
  const kernel::Masked masked;
  kernel::Vcpu& vcpu = kernel::Vcpu::here();
  print("publish job_ps={}\n", picoseconds(kTimes, [&](std::int64_t i) {
          kernel::publish_job(vcpu.current(), CANDOR_THREAD_READY, Time{i}, Time::never());
        }));
  return 0;
}
