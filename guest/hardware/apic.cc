#include "guest/hardware/apic.h"

#include "guest/arch/x86_64/cpu.h"
#include "guest/hardware/registers.h"

namespace candor::hardware {

std::uint64_t LocalApic::address_;
bool LocalApic::x2_;

namespace {

constexpr std::uint64_t kApicEnabled = 1 << 11, kApicX2 = 1 << 10;

volatile std::uint32_t& word(std::uint64_t address) {
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}

std::uint32_t io_read(const IoApic& apic, std::uint32_t reg) {
  word(apic.address) = reg;
  return word(apic.address + 0x10);
}
void io_write(const IoApic& apic, std::uint32_t reg, std::uint32_t value) {
  word(apic.address) = reg;
  word(apic.address + 0x10) = value;
}

}  // namespace

void LocalApic::find(std::uint64_t address) {
  address_ = address;
  x2_ = (cpuid(1).c >> 21 & 1) != 0;
}

void LocalApic::enable() {
  write_msr(kApicBase, read_msr(kApicBase) | kApicEnabled | (x2_ ? kApicX2 : 0));
  write(0x80, 0);                         // no priority is too low
  write(0x350, 1 << 16);                  // LINT0 and LINT1: masked; what they bring comes by the I/O APIC
  write(0x360, 4 << 8);                   // LINT1: NMI
  write(0xf0, 1 << 8 | kSpuriousVector);  // on
}

std::uint32_t LocalApic::id() {
  return x2_ ? read(0x20) : read(0x20) >> 24;
}

std::uint32_t LocalApic::read(std::uint32_t reg) {
  return x2_ ? static_cast<std::uint32_t>(read_msr(kX2Apic + (reg >> 4))) : word(address_ + reg);
}
void LocalApic::write(std::uint32_t reg, std::uint32_t value) {
  if (x2_)
    write_msr(kX2Apic + (reg >> 4), value);
  else
    word(address_ + reg) = value;
}

void LocalApic::command(std::uint32_t id, std::uint32_t low) {
  if (x2_) {
    // Stores before it must be seen by who is interrupted: this write does not wait for them (11.12.3).
    __asm__ volatile("mfence; lfence" ::: "memory");
    write_msr(kX2Apic + 0x30, std::uint64_t{id} << 32 | low);
    return;
  }
  const InterruptsOff off;  // both halves belong together
  while ((read(0x300) & 1 << 12) != 0) kernel::relax();
  write(0x310, id << 24);
  write(0x300, low);
}

void LocalApic::start(std::uint32_t id, std::uint64_t page, void (*wait_us)(std::uint32_t)) {
  command(id, 0xc500);  // INIT, level, assert
  wait_us(200);
  command(id, 0x8500);  // ... and not any more
  wait_us(10'000);
  for (int i = 0; i < 2; i++) {
    command(id, 0x4600 | static_cast<std::uint32_t>(page >> 12));
    wait_us(200);
  }
}

bool LocalApic::has_tsc_deadline() {
  return (cpuid(1).c >> 24 & 1) != 0;
}

bool route(const Machine& machine, std::uint32_t isa, Vector vector, std::uint32_t id) {
  if (isa >= machine.isa.size() || id > 0xff) return false;
  const IsaInterrupt& from = machine.isa[isa];
  for (std::size_t i = 0; i < machine.io_apic_count; i++) {
    const IoApic& apic = machine.io_apics[i];
    const std::uint32_t pins = (io_read(apic, 1) >> 16 & 0xff) + 1;
    if (from.gsi < apic.first_gsi || from.gsi - apic.first_gsi >= pins) continue;
    const std::uint32_t entry = 0x10 + 2 * (from.gsi - apic.first_gsi);
    io_write(apic, entry + 1, id << 24);
    io_write(apic, entry, vector | (from.active_low ? 1u << 13 : 0) | (from.level ? 1u << 15 : 0));
    return true;
  }
  return false;
}

void silence_old_controllers() {
  out8(0x21, 0xff);
  out8(0xa1, 0xff);
}

}  // namespace candor::hardware
