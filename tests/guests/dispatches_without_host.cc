// Two threads give way to each other; publishing each dispatch needs no host call.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::uint64_t host_calls() {
  kernel::Masked masked;
  return kernel::Vcpu::here().page().host_calls;
}
std::uint64_t publishes() {
  kernel::Masked masked;
  return kernel::Vcpu::here().page().publishes;
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  constexpr std::uint64_t kYields = 100'000;
  Thread::create("other", Terms::fair(), [] {
    for (;;) this_thread::yield();
  });
  this_thread::yield();
  Duration shortest = seconds(1);
  const std::uint64_t calls_before = host_calls(), publishes_before = publishes();
  const Time begin = now();
  for (std::uint64_t i = 0; i < kYields; i += 100) {
    const Time start = now();
    for (int j = 0; j < 100; j++) this_thread::yield();
    const Duration took = now() - start;
    if (took < shortest) shortest = took;
  }
  const Duration all = now() - begin;
  const std::uint64_t calls = host_calls() - calls_before, published = publishes() - publishes_before;
  print("{} for a dispatch with its switch; {} dispatches, {} published, {} host calls\n",
        Duration{shortest.ns / 200}, 2 * kYields, published, calls);
  if (kernel::kernel.aware) test::expect(published >= 2 * kYields, "{} published", published);
  // The timer of the time slices may be set every four milliseconds.
  test::expect(calls <= static_cast<std::uint64_t>(all.ns / 1'000'000) + 2, "{} host calls", calls);
  return test::pass("dispatches_without_host");
}
