// The registers of the console's 16550 by the instructions for ports, as a driver for hardware uses them.
#include "guest/arch/x86_64/ports.h"
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;
using kernel::read_port;
using kernel::write_port;

constexpr std::uint16_t kData = CANDOR_UART_PORT, kInterruptEnable = kData + 1, kFifoControl = kData + 2,
                        kInterruptIdentity = kData + 2, kLineControl = kData + 3, kModemControl = kData + 4,
                        kLineStatus = kData + 5, kScratch = kData + 7;

/// Only AL changes.
void check_other_registers() {
  write_port(kScratch, 0x5a);
  std::uint64_t rax = 0x1122334455667788, rdx = 0x99aabbcc00000000 | kScratch, rbx = 0x77;
  __asm__ volatile("in %%dx, %%al" : "+a"(rax), "+d"(rdx), "+b"(rbx)::"memory");
  test::expect(rax == 0x112233445566775a, "rax is {:x}", rax);
  test::expect(rdx == (0x99aabbcc00000000 | kScratch) && rbx == 0x77, "other registers changed");
}

void check_loop_back() {
  write_port(kFifoControl, 1);
  write_port(kModemControl, 0x10);
  for (std::uint8_t i = 0; i < 16; i++) write_port(kData, static_cast<std::uint8_t>(i + 1));
  for (std::uint8_t i = 0; i < 16; i++) test::expect(read_port(kData) == i + 1, "byte {} of the loop", i);
  write_port(kModemControl, 0);
}

void check_divisor() {
  write_port(kLineControl, 0x83);
  write_port(kData, 12);
  test::expect(read_port(kData) == 12, "the divisor is {}", read_port(kData));
  write_port(kLineControl, 0x03);
}

/// Its interrupt is a bit of `pending`, behind OUT2.
void check_interrupts() {
  kernel::Masked masked;
  candor_guest_vcpu& page = kernel::Vcpu::here().page();
  const auto pending = [&] { return (kernel::peek(page.pending) & CANDOR_PENDING_CONSOLE) != 0; };
  write_port(kInterruptEnable, 3);
  test::expect(!pending(), "OUT2 is off");
  test::expect(kernel::peek(kernel::guest_page().console_listener) == 0, "somebody listens");
  write_port(kModemControl, 8);
  test::expect(pending(), "no interrupt for an empty transmitter");
  test::expect(kernel::peek(kernel::guest_page().console_listener) == 1 + kernel::Vcpu::here().index(),
               "nobody listens");
  test::expect((read_port(kInterruptIdentity) & 0x0f) == 2, "another interrupt");
  write_port(kInterruptEnable, 0);
  test::expect(kernel::peek(kernel::guest_page().console_listener) == 0, "somebody still listens");
}

void send(std::string_view text) {
  for (const char c : text) {
    while ((read_port(kLineStatus) & 0x20) == 0) {
    }
    write_port(kData, static_cast<std::uint8_t>(c));
  }
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const std::uint64_t before = kernel::vcpu_page(0).port_accesses;
  check_other_registers();
  check_divisor();
  check_loop_back();
  check_interrupts();
  print("by the ring, ");
  send("by the ports, ");
  print("by the ring\n");
  test::expect(kernel::vcpu_page(0).port_accesses > before, "accesses are not counted");
  return test::pass("uses_uart_ports");
}
