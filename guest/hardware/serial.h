// The first serial port, a 16550 (National Semiconductor PC16550D data sheet): where the console comes out.
#pragma once

#include <string_view>

namespace candor::hardware {

class Serial {
 public:
  /// 115200 baud, 8N1, FIFOs on. False if none is there: then nothing comes out.
  static bool start();
  /// Waits until all of it is with the device, by looking: slow, but works in any state.
  static void write(std::string_view text);
  /// As many bytes of `text` as the device takes without waiting; none if it is busy.
  static std::size_t offer(std::string_view text);
  /// Whether it interrupts when it could take more.
  static void want_interrupt(bool wanted);
};

}  // namespace candor::hardware
