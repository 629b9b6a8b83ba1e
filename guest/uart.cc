#include "guest/uart.h"

#include "abi/candor.h"
#include "guest/arch/x86_64/cpu.h"
#include "guest/arch/x86_64/ports.h"

namespace candor::kernel {
namespace {

// Registers (8.0).
enum Port : std::uint16_t {
  kData = CANDOR_UART_PORT,
  kInterruptEnable,
  kFifoControl,
  kLineControl,
  kModemControl,
  kLineStatus,
  kModemStatus,
  kScratch,
};
constexpr std::uint8_t kDivisorAccess = 0x80, kEightBits = 0x03;    // 8.1
constexpr std::uint8_t kDataReady = 0x01, kHoldingEmpty = 0x20;     // 8.4
constexpr std::uint8_t kFifoEnable = 0x01;                          // 8.5; what has been received stays
constexpr std::uint8_t kTerminalReady = 0x01, kRequestSend = 0x02;  // 8.8
constexpr std::uint8_t kOut2 = 0x08;                                // 8.8; on PCs it lets interrupts through

constexpr std::uint8_t kReceiveInterrupt = 0x01, kTransmitInterrupt = 0x02;  // 8.7

bool line_status(std::uint8_t bit) {
  return (read_port(kLineStatus) & bit) != 0;
}

bool is_there() {
  // 8.10: it keeps what is written. Where nothing is, the bus reads as ones, or as the last that was on it.
  for (const std::uint8_t pattern : {std::uint8_t{0x5a}, std::uint8_t{0xa5}}) {
    write_port(kScratch, pattern);
    read_port(kLineStatus);
    if (read_port(kScratch) != pattern) return false;
  }
  return true;
}

}  // namespace

constinit Uart first_uart;

bool Uart::start() {
  if (started_) return true;
  if (!is_there()) return false;
  write_port(kInterruptEnable, 0);
  write_port(kLineControl, kDivisorAccess | kEightBits);
  write_port(kData, 1);  // 8.3: of 1.8432 MHz / 16
  write_port(kInterruptEnable, 0);
  write_port(kLineControl, kEightBits);
  write_port(kFifoControl, kFifoEnable);
  write_port(kModemControl, kTerminalReady | kRequestSend | kOut2);
  started_ = true;
  return true;
}

std::size_t Uart::offer(std::string_view text) {
  if (!started_ || !line_status(kHoldingEmpty)) return 0;
  const std::string_view taken = text.substr(0, kFifo);
  for (const char c : taken) write_port(kData, static_cast<std::uint8_t>(c));
  return taken.size();
}

std::size_t Uart::write(std::string_view text, std::uint32_t patience) {
  std::size_t sent = 0;
  for (std::uint32_t looks = 0; started_ && sent < text.size() && looks < patience;) {
    const std::size_t taken = offer(text.substr(sent));
    sent += taken;
    looks = taken != 0 ? 0 : looks + 1;
    if (taken == 0) relax();
  }
  return sent;
}

void Uart::want_interrupts(bool receive, bool transmit) {
  if (!started_) return;
  // By way of none: interrupt controllers that look for an edge see one.
  write_port(kInterruptEnable, 0);
  const unsigned wanted = (receive ? kReceiveInterrupt : 0u) | (transmit ? kTransmitInterrupt : 0u);
  if (wanted != 0) write_port(kInterruptEnable, static_cast<std::uint8_t>(wanted));
}

std::size_t Uart::read(std::span<char> into) {
  std::size_t got = 0;
  while (started_ && got < into.size() && line_status(kDataReady))
    into[got++] = static_cast<char>(read_port(kData));
  return got;
}

}  // namespace candor::kernel
