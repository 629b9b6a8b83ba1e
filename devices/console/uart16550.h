// The registers of a 16550, as the data sheet of National Semiconductor's PC16550D (June 1995) has
// them; section numbers are its own. Behind them is a stream without a speed: what is written has
// been sent, and what is received waits in the stream until it is read. So a FIFO is never full but in
// loop-back, and clearing one loses nothing. Line parameters, the divisor and breaks are kept and mean
// nothing.
//
// All-zero memory is the state after a reset. Any other content is a state, too: it may lie where a guest
// can write. Freestanding: the process back end's tender runs it in a signal handler.
#pragma once

#include <concepts>
#include <cstdint>

namespace candor::devices {

/// What stands behind the registers.
template <typename T>
concept ConsoleStream = requires(T stream, std::uint8_t byte) {
  { stream.room() } -> std::same_as<std::uint32_t>;     // bytes that it takes now
  stream.put(byte);                                     // within room()
  { stream.waiting() } -> std::same_as<std::uint32_t>;  // bytes that can be taken
  { stream.take() } -> std::same_as<std::uint8_t>;      // within waiting()
};

class Uart16550 {
 public:
  static constexpr std::uint32_t kFifo = 16;
  static constexpr unsigned kPorts = 8;

  // Registers by their port (8.0). With kDivisorAccess in kLineControl the first two are the divisor's.
  enum Register : unsigned {
    kData = 0,
    kInterruptEnable = 1,
    kInterruptIdentity = 2,  // read
    kFifoControl = 2,        // write
    kLineControl = 3,
    kModemControl = 4,
    kLineStatus = 5,
    kModemStatus = 6,
    kScratch = 7,
  };

  enum LineControl : std::uint8_t { kDivisorAccess = 0x80 };  // 8.1
  enum LineStatus : std::uint8_t {                            // 8.4
    kDataReady = 0x01,
    kOverrun = 0x02,
    kHoldingEmpty = 0x20,  // a whole FIFO's worth is taken
    kTransmitterEmpty = 0x40,
  };
  enum FifoControl : std::uint8_t { kFifoEnable = 0x01, kClearReceiver = 0x02 };  // 8.5
  enum InterruptIdentity : std::uint8_t {  // 8.6, in the order of priority
    kNoInterrupt = 0x01,
    kLineStatusChanged = 0x06,
    kDataAvailable = 0x04,
    kDataTimeout = 0x0c,  // less than the trigger level, and nothing more comes
    kHoldingNowEmpty = 0x02,
    kModemStatusChanged = 0x00,
    kFifosEnabled = 0xc0,
  };
  enum InterruptEnable : std::uint8_t {  // 8.7
    kEnableData = 0x01,
    kEnableHoldingEmpty = 0x02,
    kEnableLineStatus = 0x04,
    kEnableModemStatus = 0x08,
  };
  enum ModemControl : std::uint8_t {
    kOut2 = 0x08,
    kLoop = 0x10
  };  // 8.8; on PCs OUT2 lets interrupts through

  template <ConsoleStream Stream>
  std::uint8_t read(unsigned port, Stream&& stream) {
    switch (port % kPorts) {
      case kData:
        return divisor_access() ? static_cast<std::uint8_t>(divisor_) : receive(stream);
      case kInterruptEnable:
        return divisor_access() ? static_cast<std::uint8_t>(divisor_ >> 8) : enabled_;
      case kInterruptIdentity: {
        const std::uint8_t identity = identify(stream);
        if (identity == kHoldingNowEmpty) holding_told_ = 1;  // 8.6: reading it resets this source
        return static_cast<std::uint8_t>(identity | (fifos() ? kFifosEnabled : 0));
      }
      case kLineControl:
        return line_control_;
      case kModemControl:
        return modem_control_;
      case kLineStatus: {
        const std::uint8_t status = line_status(stream);
        overrun_ = 0;
        return status;
      }
      case kModemStatus: {
        const auto status = static_cast<std::uint8_t>(modem_lines() | modem_changes_);
        modem_changes_ = 0;
        return status;
      }
      default:
        return scratch_;
    }
  }

  template <ConsoleStream Stream>
  void write(unsigned port, std::uint8_t value, Stream&& stream) {
    switch (port % kPorts) {
      case kData:
        if (divisor_access())
          divisor_ = static_cast<std::uint16_t>((divisor_ & 0xff00) | value);
        else
          transmit(value, stream);
        return;
      case kInterruptEnable:
        if (divisor_access()) {
          divisor_ = static_cast<std::uint16_t>((divisor_ & 0xff) | value << 8);
        } else {
          if ((value & ~enabled_ & kEnableHoldingEmpty) != 0) holding_told_ = 0;
          enabled_ = value & 0x0f;
        }
        return;
      case kFifoControl:
        control_fifos(value);
        return;
      case kLineControl:
        line_control_ = value;
        return;
      case kModemControl: {
        const std::uint8_t before = modem_lines();
        modem_control_ = value & 0x1f;
        note_modem_changes(before);
        return;
      }
      case kLineStatus:
      case kModemStatus:
        return;  // 8.4, 8.9: for the factory's tests only
      default:
        scratch_ = value;
        return;
    }
  }

  /// Whether its interrupt reaches the processor.
  template <ConsoleStream Stream>
  [[nodiscard]] bool interrupts(Stream&& stream) const {
    return connected() && identify(stream) != kNoInterrupt;
  }
  /// Whether it will interrupt when something is received.
  [[nodiscard]] bool listens() const { return connected() && (enabled_ & kEnableData) != 0; }

 private:
  [[nodiscard]] bool divisor_access() const { return (line_control_ & kDivisorAccess) != 0; }
  [[nodiscard]] bool fifos() const { return (fifo_control_ & kFifoEnable) != 0; }
  [[nodiscard]] bool loops() const { return (modem_control_ & kLoop) != 0; }
  /// In loop-back the outputs are disconnected (8.8), OUT2 among them.
  [[nodiscard]] bool connected() const { return (modem_control_ & (kOut2 | kLoop)) == kOut2; }
  [[nodiscard]] std::uint32_t looped() const { return loop_count_ <= kFifo ? loop_count_ : kFifo; }
  [[nodiscard]] std::uint32_t depth() const { return fifos() ? kFifo : 1; }

  template <typename Stream>
  [[nodiscard]] std::uint32_t received(Stream& stream) const {
    return loops() ? looped() : looped() + stream.waiting();
  }

  template <typename Stream>
  std::uint8_t receive(Stream& stream) {
    if (looped() != 0) {
      const std::uint8_t byte = loop_[loop_first_ % kFifo];
      loop_first_ = static_cast<std::uint8_t>((loop_first_ + 1) % kFifo);
      loop_count_ = static_cast<std::uint8_t>(looped() - 1);
      return byte;
    }
    return !loops() && stream.waiting() != 0 ? stream.take() : std::uint8_t{0};
  }

  template <typename Stream>
  void transmit(std::uint8_t byte, Stream& stream) {
    holding_told_ = 0;  // it is empty again at once
    if (loops()) {
      if (looped() >= depth()) {
        overrun_ = kOverrun;  // 8.4: the newest one is lost
        return;
      }
      loop_[(loop_first_ + looped()) % kFifo] = byte;
      loop_count_ = static_cast<std::uint8_t>(looped() + 1);
    } else if (stream.room() != 0) {
      stream.put(byte);
    }  // else it did not wait for kHoldingEmpty, and has overwritten its own byte
  }

  template <typename Stream>
  [[nodiscard]] bool holding_empty(Stream& stream) const {
    return loops() || stream.room() >= depth();
  }

  template <typename Stream>
  [[nodiscard]] std::uint8_t line_status(Stream& stream) const {
    unsigned status = overrun_ & kOverrun;
    if (received(stream) != 0) status |= kDataReady;
    if (holding_empty(stream)) status |= kHoldingEmpty | kTransmitterEmpty;
    return static_cast<std::uint8_t>(status);
  }

  template <typename Stream>
  [[nodiscard]] std::uint8_t identify(Stream& stream) const {
    constexpr std::uint32_t kTriggers[] = {1, 4, 8, 14};  // 8.5
    if ((enabled_ & kEnableLineStatus) != 0 && (overrun_ & kOverrun) != 0) return kLineStatusChanged;
    if (const std::uint32_t count = received(stream); (enabled_ & kEnableData) != 0 && count != 0)
      return !fifos() || count >= kTriggers[fifo_control_ >> 6] ? kDataAvailable : kDataTimeout;
    if ((enabled_ & kEnableHoldingEmpty) != 0 && holding_told_ == 0 && holding_empty(stream))
      return kHoldingNowEmpty;
    if ((enabled_ & kEnableModemStatus) != 0 && modem_changes_ != 0) return kModemStatusChanged;
    return kNoInterrupt;
  }

  void control_fifos(std::uint8_t value) {
    const bool enable = (value & kFifoEnable) != 0;
    // 8.5: what was in them when they are switched is lost, and the other bits are taken with this one only.
    if (enable != fifos() || (enable && (value & kClearReceiver) != 0)) loop_count_ = 0;
    fifo_control_ = enable ? static_cast<std::uint8_t>(value & 0xc1) : std::uint8_t{0};
  }

  /// 8.9: clear to send, data set ready, ring, carrier. Somebody is always there; in loop-back they are the
  /// outputs (8.8): RTS, DTR, OUT1, OUT2.
  [[nodiscard]] std::uint8_t modem_lines() const {
    if (!loops()) return 0xb0;
    const unsigned out = modem_control_;
    return static_cast<std::uint8_t>((out & 2) << 3 | (out & 1) << 5 | (out & 4) << 4 | (out & 8) << 4);
  }
  void note_modem_changes(std::uint8_t before) {
    const std::uint8_t now = modem_lines();
    const unsigned changed = before ^ now;
    constexpr unsigned kRing = 0x40;  // only its end counts
    const unsigned counted = (changed & ~kRing) | (changed & before & kRing);
    modem_changes_ = static_cast<std::uint8_t>((modem_changes_ | counted >> 4) & 0x0f);
  }

  std::uint16_t divisor_;
  std::uint8_t enabled_, line_control_, fifo_control_, modem_control_, scratch_;
  std::uint8_t overrun_, modem_changes_;
  std::uint8_t holding_told_;  // that the holding register is empty has been read since it became so
  std::uint8_t loop_first_, loop_count_;
  std::uint8_t loop_[kFifo];
};

}  // namespace candor::devices
