// Executes synthetic instructions, or accesses to ports where its argument is "ports", unmasked while another
// vCPU notifies this one, once for each upcall: one that comes just when an instruction is done is taken
// then, and not at the next occasion.
#include "guest/arch/x86_64/ports.h"
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

candor_guest_vcpu& own_page() {
  kernel::Masked masked;
  return kernel::Vcpu::here().page();
}

void identify_by_trap() {
  std::uint64_t result = CANDOR_CALL_IDENTIFY;
  __asm__ volatile(CANDOR_TRAP : "+a"(result)::"memory");
  test::expect(result == (CANDOR_IDENTITY | CANDOR_ABI_VERSION), "the trap gave {}", result);
}

void access_a_port() {
  constexpr std::uint16_t kScratch = CANDOR_UART_PORT + 7;
  kernel::write_port(kScratch, 0x42);
  test::expect(kernel::read_port(kScratch) == 0x42, "the port gave {}", kernel::read_port(kScratch));
}

bool pending(const candor_guest_vcpu& page) {
  return __atomic_load_n(&page.pending, __ATOMIC_SEQ_CST) != 0;
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  const bool ports = !arguments.empty() && arguments[0] == "ports";
  test::expect(kernel::host_page().fair_vcpus >= 2, "needs two fair vCPUs");
  const candor_guest_vcpu& page = own_page();
  kernel::Vcpu& target = kernel::Vcpu::at(0);
  Thread::create("storm", Terms::fair(), [&target, &page] {
    for (;;) {
      if (pending(page)) continue;  // a second kick would make up for a lost one
      kernel::Masked masked;
      target.notify();
    }
  });
  const std::uint64_t before = page.upcalls;
  // A second, or until there was a storm: where others want the processors, both vCPUs seldom run at a time.
  const Time end = now() + seconds(1), last = now() + seconds(20);
  const auto goes_on = [&] { return now() < end || (page.upcalls - before <= 100 && now() < last); };
  std::uint64_t traps = 0;
  while (goes_on()) {
    for (int i = 0; i < 100; i++, traps++) {
      ports ? access_a_port() : identify_by_trap();
      if (!pending(page)) continue;
      // On its way: the bit comes before the kick. No trap until it is here, or that would see the bit.
      const Time patience = now() + seconds(1);
      const std::uint64_t taken = page.upcalls;
      while (pending(page) && __atomic_load_n(&page.upcalls, __ATOMIC_RELAXED) == taken)
        test::expect(now() < patience, "after {} traps: pending, unmasked, and no upcall", traps);
    }
  }
  print("{} upcalls, {} traps\n", page.upcalls - before, traps);
  test::expect(page.upcalls - before > 100, "no storm");
  return test::pass("traps_under_a_storm");
}
