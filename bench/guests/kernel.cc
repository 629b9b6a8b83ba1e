// What the kernel's operations cost, each as the shortest of many samples: the benchmark compares them with
// native threads doing the same (bench/native_threads.cc, by the same names), and counts instructions on an
// emulated machine.
#include "guest/sdk.h"
#include "guest/vcpu.h"

namespace {

using namespace candor;

constexpr int kSamples = 40;
constexpr std::size_t kStackBytes = 16 * 1024;

/// Of one call, in picoseconds. Anything that comes between only makes a sample longer.
template <typename F>
void measure(std::string_view name, std::int64_t calls, F&& call) {
  Duration shortest = seconds(3600);
  for (int sample = 0; sample < kSamples; sample++) {
    const Time begin = now();
    for (std::int64_t i = 0; i < calls; i++) call();
    const Duration took = now() - begin;
    if (took < shortest) shortest = took;
  }
  print("kernel {} ps={}\n", name, shortest.ns * 1000 / calls);
}

std::atomic<bool> over{false};

/// Another thread of the same rank that does nothing but yield: each yield() of ours is two switches.
void switches() {
  const Thread other = Thread::create(
      "other", Terms::fair(),
      [] {
        while (!over) this_thread::yield();
      },
      kStackBytes);
  this_thread::yield();
  measure("switch_pair", 2000, [] { this_thread::yield(); });
  // As an interrupt does it, with the extended state of both threads kept.
  measure("preempting_switch_pair", 2000, [] {
    const kernel::Masked masked;
    kernel::Vcpu& vcpu = kernel::Vcpu::here();
    vcpu.current().slice.begin(Time{});  // its turn is over
    vcpu.schedule(/*preempted=*/true);
  });
  over = true;
  other.join();
  over = false;
}

/// A thread of a higher class that waits, is woken, and waits again: there and back.
void wake_ups() {
  const Thread server = Thread::create(
      "server", Terms::fixed(50, {}, {}),
      [] {
        while (!over) this_thread::park();
      },
      kStackBytes);
  measure("wake_and_back", 2000, [&] { server.unpark(); });
  over = true;
  server.unpark();
  server.join();
  over = false;
}

void mutexes() {
  static Mutex mutex("measured");
  measure("mutex", 5000, [] { const Lock lock(mutex); });
}

void threads() {
  measure("create_and_join", 50, [] {
    Thread::create(
        "short", Terms::fair(), [] {}, kStackBytes)
        .join();
  });
}

void memory() {
  measure("allocate_128", 5000, [] { operator delete(operator new(128)); });
}

}  // namespace

int candor::guest_main(Arguments) {
  switches();
  wake_ups();
  mutexes();
  threads();
  memory();
  return 0;
}
