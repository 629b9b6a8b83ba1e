// Each switch of the command line does what it says, and is counted where it does it. The argument names the
// one that is off; the same guest without one shows the other side.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<bool> done{false};
std::atomic<int> jobs_done{0};
std::atomic<bool> on_realtime{false};

/// The slot that the area gives the thread of this name, or CANDOR_NO_THREAD.
std::uint32_t slot_of(std::string_view name) {
  for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; slot++)
    if (name == kernel::thread_slot(slot).name) return slot;
  return CANDOR_NO_THREAD;
}

void run_jobs() {
  Periodic jobs(milliseconds(5), {}, now());
  while (!done && jobs.wait_next()) {
    {
      kernel::Masked masked;
      on_realtime = kernel::Vcpu::here().realtime();
    }
    jobs_done++;
  }
}

std::uint64_t publishes() {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < kernel::kernel.vcpus; i++)
    sum += kernel::peek(kernel::vcpu_page(i).publishes);
  return sum;
}

/// A real-time thread waits for mutexes that a fair one holds for a while.
void contend(const Terms& terms) {
  static Mutex mutex("contended");
  static std::atomic<bool> held{false};
  const Thread holder = Thread::create("holder", Terms::fair(), [] {
    while (!done) {
      {
        const Lock lock(mutex);
        held = true;
        const Time until = now() + microseconds(500);
        while (now() < until) {
        }
        held = false;
      }
      this_thread::sleep_for(microseconds(200));
    }
  });
  const Thread waiter = Thread::create("waiter", terms, [] {
    const Time patience = now() + seconds(10);
    for (int times = 0; times < 20;) {
      test::expect(now() < patience, "only {} waits", times);
      this_thread::sleep_for(microseconds(300));
      if (!held) continue;
      const Lock lock(mutex);
      times++;
    }
  });
  waiter.join();
  done = true;
  holder.join();
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  using kernel::kernel;
  const std::string_view off = arguments.empty() ? "" : arguments[0];
  const Terms terms = Terms::deadline(milliseconds(5), microseconds(300));
  const Thread thread = Thread::create("periodic", terms, run_jobs);
  test::expect(thread.claim().admitted(), "{}", thread.claim().why());
  const std::uint32_t slot = slot_of("periodic");
  test::expect(slot != CANDOR_NO_THREAD, "no slot");
  bool announced = false, known = false;
  while (jobs_done < 40) {
    const candor_thread& line = candor::kernel::thread_slot(slot);
    const std::uint32_t state = candor::kernel::peek(line.state);
    announced |= state == CANDOR_THREAD_WAITING;
    known |= state != CANDOR_THREAD_ABSENT;
    this_thread::sleep_for(microseconds(700));
  }
  print("{} publishes, on a {} vCPU\n", publishes(), on_realtime ? "real-time" : "fair");
  const bool publishing = kernel.aware && off != "publish";
  test::expect((publishes() != 0) == publishing, "{} publishes", publishes());
  test::expect(known == publishing, "its job line is {}", known ? "written" : "not written");
  test::expect(on_realtime == (kernel.aware && off != "placement"), "on the wrong kind of vCPU");
  test::expect(announced == (publishing && off != "wake_claims"), "its next job is {}",
               announced ? "announced" : "not announced");
  done = true;
  thread.join();
  done = false;
  contend(Terms::deadline(milliseconds(5), microseconds(300)).blocked_for(milliseconds(1)));
  print("{} waits in the host, {} rounds of spinning\n", kernel.lock_waits.load(), kernel.lock_spins.load());
  test::expect((kernel.lock_spins.load() != 0) == (off == "locks"), "{} rounds of spinning",
               kernel.lock_spins.load());
  if (kernel.aware && off.empty()) test::expect(kernel.lock_waits.load() != 0, "no wait in the host");
  if (off == "locks")
    test::expect(kernel.lock_waits.load() == 0, "{} waits in the host", kernel.lock_waits.load());
  return test::pass("obeys_switches");
}
