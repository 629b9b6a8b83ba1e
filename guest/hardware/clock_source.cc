#include "guest/hardware/clock_source.h"

#include "guest/arch/x86_64/cpu.h"
#include "guest/detect/cpuid_leaves.h"
#include "guest/hardware/apic.h"
#include "guest/hardware/registers.h"

namespace candor::hardware {
namespace {

constexpr std::uint64_t kPmTimerHz = 3'579'545;  // ACPI specification, 4.8.3.3
constexpr std::uint64_t kPitHz = 1'193'182;

std::uint64_t known_tsc_hz = 1'000'000'000;  // until it is known

/// 0 if nobody says.
std::uint64_t told_tsc_hz(const detect::ToldFrequencies& told, const char*& source) {
  // A hypervisor that passes leaf 15H on may run the counter at another pace, so its own word comes first.
  if (told.tsc_hz != 0) {
    source = told.source;
    return told.tsc_hz;
  }
  if (cpuid(0).a < 0x15) return 0;
  const CpuidLeaf leaf = cpuid(0x15);
  if (leaf.a == 0 || leaf.b == 0 || leaf.c == 0) return 0;
  source = "CPUID 15H";
  return std::uint64_t{leaf.c} * leaf.b / leaf.a;
}

/// A clock of known frequency that the time-stamp counter is measured against.
struct Reference {
  const char* name;
  std::uint64_t hz;
  std::uint32_t mask;  // it counts up, modulo this and 1
  std::uint16_t port;  // of ACPI's timer; 0: channel 2 of the interval timer

  [[nodiscard]] std::uint32_t read() const {
    if (port != 0) return in32(port);
    out8(0x43, 0x80);  // latches the count, which goes down
    const std::uint32_t low = in8(0x42);
    return ~(low | static_cast<std::uint32_t>(in8(0x42)) << 8);
  }
};

Reference reference(const Machine& machine) {
  if (machine.pm_timer != 0)
    return {"ACPI's timer", kPmTimerHz, machine.pm_timer_is_32_bits ? ~0u : 0xffffffu,
            static_cast<std::uint16_t>(machine.pm_timer)};
  out8(0x61, static_cast<std::uint8_t>((in8(0x61) & ~2) | 1));  // gate on, speaker off
  out8(0x43, 0xb0);                                             // channel 2, one shot, from the highest count
  out8(0x42, 0xff);
  out8(0x42, 0xff);
  return {"the interval timer", kPitHz, 0xffff, 0};
}

/// What all clocks say at one moment.
struct Reading {
  std::uint64_t tsc;
  std::uint32_t reference, apic;
};

/// The best of a few attempts: in a virtual machine anything may come between two reads.
Reading read_together(const Reference& reference) {
  Reading best{};
  std::uint64_t shortest = ~std::uint64_t{0};
  for (int attempt = 0; attempt < 10; attempt++) {
    const std::uint64_t before = kernel::read_tsc();
    const std::uint32_t others[] = {reference.read(), LocalApic::count()};
    const std::uint64_t took = kernel::read_tsc() - before;
    if (took >= shortest) continue;
    shortest = took;
    best = {before + took / 2, others[0], others[1]};
  }
  return best;
}

}  // namespace

Frequencies measure_frequencies(const Machine& machine) {
  Frequencies f;
  const detect::ToldFrequencies told = detect::told_frequencies(detect::this_processor(), read_msr);
  f.tsc_hz = told_tsc_hz(told, f.source);
  // By TSC deadlines the local APIC's timer is not set, and does not count.
  const bool deadlines = LocalApic::has_tsc_deadline();
  if (!deadlines) f.apic_timer_hz = told.apic_bus_hz / LocalApic::kDivisor;
  if (f.tsc_hz != 0 && (deadlines || f.apic_timer_hz != 0)) {
    known_tsc_hz = f.tsc_hz;
    return f;
  }
  const Reference clock = reference(machine);
  LocalApic::count_down(~0u);
  const Reading first = read_together(clock);
  while (((clock.read() - first.reference) & clock.mask) < clock.hz / 100) {
  }
  const Reading last = read_together(clock);
  LocalApic::count_down(0);
  // Products below 2^64: ticks of at most 10^8 times some 10^7.
  const std::uint64_t passed = (last.reference - first.reference) & clock.mask;
  if (!deadlines) f.apic_timer_hz = std::uint64_t{first.apic - last.apic} * clock.hz / passed;
  if (f.tsc_hz == 0) {
    f.tsc_hz = (last.tsc - first.tsc) * clock.hz / passed;
    f.source = clock.name;
  }
  known_tsc_hz = f.tsc_hz;
  return f;
}

void wait_us(std::uint32_t us) {
  const std::uint64_t end = kernel::read_tsc() + us * known_tsc_hz / 1'000'000;
  while (kernel::read_tsc() < end) kernel::relax();
}

}  // namespace candor::hardware
