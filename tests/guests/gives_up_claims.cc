// What a thread claimed is free again when it has ended, and so is its slot, unless
// it has statistics to tell; when none is left, a claim is refused for that reason.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  const Terms terms = Terms::deadline(milliseconds(10), milliseconds(2));  // two do not fit
  const bool aware = kernel::kernel.aware;
  for (int round = 0; round < static_cast<int>(CANDOR_MAX_THREADS) + 6; round++) {
    const Thread thread = Thread::create("short", terms, [] { this_thread::sleep_for(microseconds(100)); });
    const Claim claim = thread.claim();
    test::expect(claim.admitted(), "round {}: {}", round, claim.why());
    thread.join();
    this_thread::sleep_for(milliseconds(10));  // the host stops listening to one that claims without end
  }
  for (std::uint32_t i = 0; i < CANDOR_MAX_THREADS; i++)
    Thread::create("counts", Terms::fair(), [] { this_thread::add_work(); }).join();
  const Thread last = Thread::create("last", terms, [] {});
  // The host must know a thread whose claim it serves; the guest knows its own.
  const std::uint32_t expected = aware ? kRefusedNoSlot : std::uint32_t{CANDOR_REFUSED_NOT};
  test::expect(last.claim().reason == expected, "without a slot: {}", last.claim().why());
  last.join();
  return test::pass("gives_up_claims");
}
