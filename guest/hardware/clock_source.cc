#include "guest/hardware/clock_source.h"

#include "guest/arch/x86_64/cpu.h"
#include "guest/detect/cpuid_leaves.h"
#include "guest/hardware/apic.h"
#include "guest/hardware/registers.h"

namespace candor::hardware {
namespace {

constexpr std::uint64_t kPmTimerHz = 3'579'545;  // ACPI specification, 4.8.3.3
constexpr std::uint64_t kPitHz = 1'193'182;

std::uint64_t tsc_hz = 1'000'000'000;  // until it is known

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

/// Runs for a hundredth of a second by ACPI's timer; what that was exactly, in nanoseconds.
std::uint64_t pass_time_by_pm_timer(const Machine& machine) {
  const std::uint32_t mask = machine.pm_timer_is_32_bits ? ~0u : 0xffffff;
  const auto port = static_cast<std::uint16_t>(machine.pm_timer);
  const std::uint32_t first = in32(port);
  std::uint32_t ticks;
  do ticks = (in32(port) - first) & mask;
  while (ticks < kPmTimerHz / 100);
  return ticks * 1'000'000'000ull / kPmTimerHz;
}

/// The same by channel 2 of the interval timer, whose output is at port 61H.
std::uint64_t pass_time_by_pit() {
  constexpr std::uint32_t kTicks = kPitHz / 100;
  out8(0x61, static_cast<std::uint8_t>((in8(0x61) & ~2) | 1));  // gate on, speaker off
  out8(0x43, 0xb0);                                             // channel 2, one shot
  out8(0x42, kTicks & 0xff);
  out8(0x42, kTicks >> 8);
  while ((in8(0x61) & 0x20) == 0) kernel::relax();
  return kTicks * 1'000'000'000ull / kPitHz;
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
    tsc_hz = f.tsc_hz;
    return f;
  }
  LocalApic::count_down(~0u);
  const std::uint64_t tsc = kernel::read_tsc();
  const std::uint64_t ns = machine.pm_timer != 0 ? pass_time_by_pm_timer(machine) : pass_time_by_pit();
  const std::uint64_t tsc_ticks = kernel::read_tsc() - tsc;
  const std::uint64_t apic_ticks = ~0u - LocalApic::count();
  LocalApic::count_down(0);
  // Products below 2^64: some 10^7 ns times ticks of at most 10^8.
  if (!deadlines) f.apic_timer_hz = apic_ticks * 1'000'000'000ull / ns;
  if (f.tsc_hz == 0) {
    f.tsc_hz = tsc_ticks * 1'000'000'000ull / ns;
    f.source = machine.pm_timer != 0 ? "ACPI's timer" : "the interval timer";
  }
  tsc_hz = f.tsc_hz;
  return f;
}

void wait_us(std::uint32_t us) {
  const std::uint64_t end = kernel::read_tsc() + us * tsc_hz / 1'000'000;
  while (kernel::read_tsc() < end) kernel::relax();
}

}  // namespace candor::hardware
