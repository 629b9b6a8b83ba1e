// An urgent thread waits for a mutex whose holder waits for another mutex, whose
// holder is kept from running by threads of a rank between: each link lends the rank on.
#include <atomic>

#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<int> step{0};
std::atomic<bool> done{false};

constexpr Terms fixed(std::uint8_t priority) {
  return Terms::fixed(priority, {}, {});
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex near("near"), far("far");
  static std::uint32_t volatile far_vcpu, near_vcpu;
  // All are in place by then; of the threads that it creates, main itself matters least.
  static const Time kStart = now() + milliseconds(100);
  // By priority: urgent, then busy, then the holders.
  Thread::create("far", Terms::fair(), [] {
    Lock lock(far);
    {
      kernel::Masked masked;
      far_vcpu = kernel::this_vcpu_index();
    }
    step = 1;
    this_thread::sleep_until(kStart + milliseconds(20));
    const Time until = now() + milliseconds(5);
    while (now() < until) {
    }
  });
  while (step < 1) this_thread::sleep_for(microseconds(500));
  Thread::create("near", Terms::fair(), [] {
    {
      kernel::Masked masked;
      near_vcpu = kernel::this_vcpu_index();
    }
    Lock outer(near);
    step = 2;
    Lock inner(far);
  });
  while (step < 2) this_thread::sleep_for(microseconds(500));
  print("far on vCPU {}, near on vCPU {}\n", std::uint32_t{far_vcpu}, std::uint32_t{near_vcpu});
  static std::atomic<bool> gave_up{false};
  for (int i = 0; i < 4; i++)
    Thread::create("busy", fixed(10), [] {
      this_thread::sleep_until(kStart);
      const Time patience = now() + seconds(1);
      while (!done)
        if (now() > patience) {
          gave_up = true;
          return;
        }
    });
  Thread::create("urgent", fixed(20), [] {
    this_thread::sleep_until(kStart + milliseconds(10));
    Lock lock(near);
    done = true;
  });
  while (!done) this_thread::sleep_for(milliseconds(1));
  test::expect(!gave_up, "the holder at the end of the chain did not run before the busy threads");
  return test::pass("inherits_along_a_chain");
}
