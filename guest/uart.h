// A 16550 at the first serial port, by looking: it works in any state of the kernel, on hardware and where a
// host emulates it. Section numbers are those of the data sheet of National Semiconductor's PC16550D.
//
// Not for several vCPUs at a time: a lock is the caller's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace candor::kernel {

class Uart {
 public:
  /// Looks whether there is one and sets it up: 115200 baud, 8 bits, no parity, FIFOs, no interrupts. True if
  /// there is; then it may be called again, at no cost. Touches ports, so only where that is no fault.
  bool start();
  [[nodiscard]] bool started() const { return started_; }

  /// Sends what is taken without waiting, and returns how much that is: 0 while it is busy, a FIFO's worth at
  /// most.
  std::size_t offer(std::string_view text);
  /// Sends `text` and returns how much of it was taken; less than all if there was no room for a byte
  /// at `patience` looks in succession. At 115200 baud a full FIFO, 16 bytes, takes 1.4 ms or about that many
  /// looks on hardware.
  std::size_t write(std::string_view text, std::uint32_t patience = kPatience);
  /// What has come, at most `into`'s size, without waiting.
  std::size_t read(std::span<char> into);

  /// Whether it interrupts when something has come, and when it can take more. If that is so already it does
  /// now.
  void want_interrupts(bool receive, bool transmit);

  static constexpr std::size_t kFifo = 16;
  static constexpr std::uint32_t kPatience = 20'000;

 private:
  bool started_ = false;
};

extern Uart first_uart;

}  // namespace candor::kernel
