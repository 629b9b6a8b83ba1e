// Hostile: has a claim admitted, then fills all of the area that it can write with garbage, on and on, and
// rings after each time, so that the host scheduler looks at it.
#include "guest/area.h"
#include "guest/sdk.h"

namespace {

/// By the trap, since what a call would need to know of this vCPU is garbage by then.
void ring_scheduler() {
  std::uint64_t result = CANDOR_CALL_RING;
  __asm__ volatile(CANDOR_TRAP : "+a"(result) : "D"(std::uint64_t{CANDOR_BELL_SCHED}) : "memory");
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const Thread claimant =
      Thread::create("claimant", Terms::deadline(milliseconds(10), microseconds(500)), [] {
        Periodic jobs(milliseconds(10));
        while (jobs.wait_next()) {
        }
      });
  print("scribbler: {}\n", claimant.claim().admitted() ? "admitted" : claimant.claim().why());
  this_thread::sleep_for(milliseconds(20));
  constexpr std::uint64_t kBytes = CANDOR_AREA_BYTES - CANDOR_HOST_BYTES;
  auto* area = reinterpret_cast<volatile std::uint64_t*>(CANDOR_AREA_BASE + CANDOR_HOST_BYTES);
  for (std::uint64_t x = 1;;) {
    for (std::uint64_t i = 0; i < kBytes / 8; i++) {
      x = x * 6364136223846793005 + 1442695040888963407;
      area[i] = x ^ x >> 29;
    }
    ring_scheduler();
  }
}
