// Interrupt controllers: the local one of each processor (Intel SDM volume 3A, chapter 11), as x2APIC where
// there is one, and the I/O APICs (82093AA data sheet) that bring the machine's interrupts.
#pragma once

#include <cstdint>

#include "guest/hardware/acpi.h"

namespace candor::hardware {

enum Vector : std::uint8_t {
  kTimerVector = 0x20,
  kNotifyVector = 0x21,
  kFlushVector = 0x22,  // page tables have changed
  kStopVector = 0x23,
  kSerialVector = 0x24,
  kAcpiVector = 0x25,
  kSpuriousVector = 0x3f,
};

class LocalApic {
 public:
  /// Once, before any processor's: where it is, and in which mode it will be driven.
  static void find(std::uint64_t address);
  /// This processor's, for good.
  static void enable();
  static void end_of_interrupt() { write(0xb0, 0); }
  static std::uint32_t id();

  /// To the processor with that APIC id.
  static void send(std::uint32_t id, Vector vector) { command(id, vector); }
  static void send_to_others(Vector vector) { command(0, 3u << 18 | vector); }
  /// INIT, then twice where to start (9.4.4.1 of the same volume): `page` below 1 MiB.
  static void start(std::uint32_t id, std::uint64_t page, void (*wait_us)(std::uint32_t));

  [[nodiscard]] static bool is_x2() { return x2_; }

  // ---- its timer, once
  static bool has_tsc_deadline();
  static void use_deadline() { write(0x320, 2u << 17 | kTimerVector); }
  static constexpr std::uint32_t kDivisor = 16;
  static void use_one_shot() {
    write(0x3e0, 3);  // which stands for kDivisor
    write(0x320, kTimerVector);
  }
  /// In ticks of its own, of which there are so many as calibration says; 0 turns it off.
  static void count_down(std::uint32_t ticks) { write(0x380, ticks); }
  static std::uint32_t count() { return read(0x390); }

 private:
  static std::uint32_t read(std::uint32_t reg);
  static void write(std::uint32_t reg, std::uint32_t value);
  static void command(std::uint32_t id, std::uint32_t low);

  static std::uint64_t address_;
  static bool x2_;
};

/// Has `isa` interrupt come as `vector` to the processor with that APIC id. False if no I/O APIC has its pin.
bool route(const Machine& machine, std::uint32_t isa, Vector vector, std::uint32_t id);
/// The controllers of the first PCs, which would interrupt by vectors of their own.
void silence_old_controllers();

}  // namespace candor::hardware
