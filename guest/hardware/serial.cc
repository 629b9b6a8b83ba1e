#include "guest/hardware/serial.h"

#include "guest/arch/x86_64/cpu.h"
#include "guest/hardware/registers.h"

namespace candor::hardware {
namespace {

constexpr std::uint16_t kPort = 0x3f8;
constexpr std::size_t kFifo = 16;
// Registers (8.0), by their distance from the first.
constexpr std::uint16_t kData = kPort, kInterruptEnable = kPort + 1, kFifoControl = kPort + 2,
                        kLineControl = kPort + 3, kModemControl = kPort + 4, kLineStatus = kPort + 5,
                        kScratch = kPort + 7;
constexpr std::uint8_t kEmpty = 1 << 5;  // of line status: the transmitter takes a FIFO's worth

bool present;

bool can_take() {
  return (in8(kLineStatus) & kEmpty) != 0;
}

}  // namespace

bool Serial::start() {
  out8(kScratch, 0x5a);
  present = in8(kScratch) == 0x5a;
  if (!present) return false;
  out8(kInterruptEnable, 0);
  out8(kLineControl, 0x80);  // the divisor's latch
  out8(kData, 1);
  out8(kInterruptEnable, 0);
  out8(kLineControl, 3);
  out8(kFifoControl, 0xc7);
  out8(kModemControl, 0x0b);  // OUT2 lets interrupts through
  return true;
}

void Serial::write(std::string_view text) {
  while (!text.empty() && present) {
    const std::size_t taken = offer(text);
    text.remove_prefix(taken);
    if (taken == 0) kernel::relax();
  }
}

std::size_t Serial::offer(std::string_view text) {
  if (!present) return text.size();
  if (!can_take()) return 0;
  const std::size_t count = text.size() < kFifo ? text.size() : kFifo;
  for (std::size_t i = 0; i < count; i++) out8(kData, static_cast<std::uint8_t>(text[i]));
  return count;
}

void Serial::want_interrupt(bool wanted) {
  if (present) out8(kInterruptEnable, wanted ? 2 : 0);
}

}  // namespace candor::hardware
