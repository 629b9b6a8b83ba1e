// What it costs a guest to say what its threads are worth: job lines by the
// kernel's own function, dispatches by the same stores as the kernel's.
#include "guest/area.h"
#include "guest/sdk.h"
#include "guest/vcpu.h"

namespace {

using namespace candor;

constexpr std::int64_t kTimes = 100'000;
constexpr int kSamples = 20;

void publish_dispatch(candor_guest_vcpu& page, std::uint32_t ready, std::uint64_t time) {
  const kernel::Publication write(page.seq);
  kernel::put(page.running, 0);
  kernel::put(page.next_thread, 0);
  kernel::put(page.next_timer_ns, time);
  for (std::uint32_t i = 0; i < ready; i++) page.ready[i] = {i, CANDOR_CLASS_DEADLINE, 0, 0, time + i, time};
  kernel::put(page.ready_count, ready);
}

/// The median would do on a quiet machine; the shortest sample is right on any.
template <typename F>
std::int64_t picoseconds(F&& publish) {
  Duration shortest = seconds(3600);
  for (int sample = 0; sample < kSamples; sample++) {
    const Time begin = now();
    for (std::int64_t i = 0; i < kTimes; i++) publish(static_cast<std::uint64_t>(i));
    const Duration took = now() - begin;
    if (took < shortest) shortest = took;
  }
  return shortest.ns * 1000 / kTimes;
}

}  // namespace

int candor::guest_main(Arguments) {
  // Masked, since what is written belongs to the kernel, which must not come between.
  const kernel::Masked masked;
  kernel::Vcpu& vcpu = kernel::Vcpu::here();
  const bool aware = kernel::kernel.aware;
  kernel::kernel.aware = true;  // the cost is the same when nobody reads
  const std::int64_t job = picoseconds([&](std::uint64_t i) {
    kernel::publish_job(vcpu.current(), CANDOR_THREAD_READY, Time{static_cast<std::int64_t>(i)},
                        Time::never());
  });
  kernel::kernel.aware = aware;
  print("publish job_ps={}\n", job);
  for (const std::uint32_t ready : {0u, 8u, CANDOR_MAX_READY})
    print("publish ready={} ps={}\n", ready,
          picoseconds([&](std::uint64_t i) { publish_dispatch(vcpu.page(), ready, i); }));
  return 0;
}
