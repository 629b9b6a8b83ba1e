// The console's hardware face (docs/abi.md §4.3): `in` and `out` without privilege raise #GP, and here
// is what they would have done. The registers live in this process's memory, where the guest could
// write them; their worst content is a state of the device like any other.
#include "devices/console/stream.h"
#include "devices/console/uart16550.h"
#include "vmm/cpu/process/tender/tender.h"

namespace candor::tender {
namespace {

constexpr std::uint8_t kInByte = 0xec,
                       kOutByte = 0xee;  // in %dx, %al; out %al, %dx: no other form reaches the ports
constexpr std::uint64_t kLowByte = 0xff;
// A guest that ends no line is shown what it wrote each time that it has written so much.
constexpr std::uint32_t kBellBytes = CANDOR_CONSOLE_BYTES / 4;

devices::Uart16550 uart;
std::uint32_t uart_busy;

/// The area's rings, and a bell where people wait for what has been written.
class Line {
 public:
  explicit Line(VcpuSlot& self) : self_(self) {}
  [[nodiscard]] std::uint32_t room() const { return end_.room(); }
  void put(std::uint8_t byte) {
    end_.put(byte);
    if (byte == '\n' || end_.room() % kBellBytes == 0) ring(self_, process::kMonitorBellFd);
  }
  [[nodiscard]] std::uint32_t waiting() const { return end_.waiting(); }
  std::uint8_t take() { return end_.take(); }

 private:
  VcpuSlot& self_;
  devices::GuestEnd end_{area()};
};

void access(VcpuSlot& self, bool write, unsigned port, std::uint64_t& rax) {
  Line line(self);
  const bool interrupted = uart.interrupts(line), listened = uart.listens();
  if (write)
    uart.write(port, static_cast<std::uint8_t>(rax), line);
  else
    rax = (rax & ~kLowByte) | uart.read(port, line);
  if (uart.listens() != listened) store(guest_page().console_listener, listened ? 0 : 1 + self.index);
  // An edge only, as with interrupt controllers of the time: until it is served there is nothing new to tell.
  if (!interrupted && uart.interrupts(line)) {
    __atomic_or_fetch(&vcpu_page(self.index).pending, CANDOR_PENDING_CONSOLE, __ATOMIC_SEQ_CST);
    kick_self(self);
  }
}

}  // namespace

PortAccess try_port_access(VcpuSlot& self, std::uint64_t rip, std::uint64_t rdx, std::uint64_t& rax) {
  if (!in_ram(rip, 1)) return PortAccess::kNone;
  const std::uint8_t opcode = *reinterpret_cast<const volatile std::uint8_t*>(rip);
  const unsigned port = static_cast<std::uint16_t>(rdx) - CANDOR_UART_PORT;
  if ((opcode != kInByte && opcode != kOutByte) || port >= devices::Uart16550::kPorts)
    return PortAccess::kNone;
  vcpu_page(self.index).port_accesses++;
  // One access at a time, as on a bus. Who finds it busy tries again by executing the instruction again, so a
  // vCPU never waits in here for another that has been preempted.
  if (__atomic_exchange_n(&uart_busy, 1, __ATOMIC_ACQUIRE) != 0) {
    give_way();
    return PortAccess::kAgain;
  }
  access(self, opcode == kOutByte, port, rax);
  __atomic_store_n(&uart_busy, 0, __ATOMIC_RELEASE);
  return PortAccess::kDone;
}

}  // namespace candor::tender
