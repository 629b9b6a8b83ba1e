// A thread keeps all its registers, flags and red zone through thousands of
// preemptions by a thread that overwrites its own.
#include "guest/vcpu.h"
#include "tests/guests/registers.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr std::uint64_t kUpcalls = 4000;

std::uint64_t upcalls() {
  kernel::Masked masked;
  return kernel::Vcpu::here().page().upcalls;
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  test::expect(test::has_all_registers(), "needs a processor with AVX");
  // Without a claim that is admitted it stays on this vCPU and preempts us here.
  Thread::create("disturber", Terms::fixed(10, {}, {}), [] {
    Periodic jobs(microseconds(200), {}, now());
    while (jobs.wait_next()) test::expect(clobber_extended() == 0, "x87 registers of another thread");
  });
  const Time patience = now() + seconds(20);
  while (upcalls() < kUpcalls) {
    const std::uint32_t lost = test::lost_registers(20'000);
    test::expect(lost == 0, "after {} upcalls: lost number {}", upcalls(), lost);
    test::expect(now() < patience, "only {} upcalls", upcalls());
  }
  return test::pass("preserves_registers");
}
