#include "guest/hardware/processor.h"

#include "guest/area.h"
#include "guest/clock.h"
#include "guest/hardware/apic.h"
#include "guest/hardware/registers.h"

extern "C" const char hardware_stubs[];  // traps.S: 16 bytes apart

namespace candor::hardware {

Processor* Processor::all;
std::uint32_t Processor::count;

namespace {

constexpr std::uint16_t kCode = 8, kTaskSelector = 24;
constexpr std::size_t kVectors = 64;

struct [[gnu::packed]] TablePointer {
  std::uint16_t limit;
  std::uint64_t base;
};

struct Gate {  // Intel SDM volume 3A, 6.14.1
  std::uint16_t offset_low;
  std::uint16_t selector;
  std::uint8_t stack;
  std::uint8_t type;
  std::uint16_t offset_middle;
  std::uint32_t offset_high;
  std::uint32_t reserved;
};
Gate gates[kVectors];

std::uint8_t stack_of(std::size_t vector) {
  constexpr std::size_t kNmi = 2, kDoubleFault = 8, kMachineCheck = 18;
  if (vector == kNmi) return kNmiStack;
  if (vector == kDoubleFault) return kDoubleFaultStack;
  if (vector == kMachineCheck) return kMachineCheckStack;
  return vector < 32 ? kFaultStack : kInterruptStack;
}

void fill_gates() {
  for (std::size_t v = 0; v < kVectors; v++) {
    const std::uint64_t entry = reinterpret_cast<std::uint64_t>(hardware_stubs) + v * 16;
    gates[v] = {static_cast<std::uint16_t>(entry),
                kCode,
                stack_of(v),
                0x8e,
                static_cast<std::uint16_t>(entry >> 16),
                static_cast<std::uint32_t>(entry >> 32),
                0};
  }
}

void load_tables(Processor& p) {
  for (std::size_t i = 0; i < kStacks; i++)
    p.task.interrupt_stacks[i] = reinterpret_cast<std::uint64_t>(p.stacks[i] + kStackBytes);
  p.task.permissions = sizeof p.task;  // no map of permitted ports: this all runs with privilege
  const auto task = reinterpret_cast<std::uint64_t>(&p.task);
  p.gdt[1] = 0x00af9a000000ffff;
  p.gdt[2] = 0x00cf92000000ffff;
  p.gdt[3] =
      (sizeof p.task - 1) | (task & 0xffffff) << 16 | std::uint64_t{0x89} << 40 | (task >> 24 & 0xff) << 56;
  p.gdt[4] = task >> 32;
  const TablePointer gdt = {sizeof p.gdt - 1, reinterpret_cast<std::uint64_t>(p.gdt)};
  const TablePointer idt = {sizeof gates - 1, reinterpret_cast<std::uint64_t>(gates)};
  __asm__ volatile("lgdt %0" ::"m"(gdt) : "memory");
  __asm__ volatile("lidt %0" ::"m"(idt) : "memory");
  __asm__ volatile("ltr %w0" ::"r"(kTaskSelector) : "memory");
}

void enable_features() {
  constexpr std::uint64_t kMonitorFpu = 2, kEmulateFpu = 4, kTaskSwitched = 8, kFpuErrors = 32,
                          kWriteProtect = 1 << 16;
  write_cr0((read_cr0() & ~(kEmulateFpu | kTaskSwitched)) | kMonitorFpu | kFpuErrors | kWriteProtect);
  constexpr std::uint64_t kSse = 0x600, kFsGsBase = 1 << 16, kXsave = 1 << 18;
  const bool xsave = (cpuid(1).c >> 26 & 1) != 0;
  const bool fsgsbase = cpuid(0).a >= 7 && (cpuid(7).b & 1) != 0;
  write_cr4(read_cr4() | kSse | (fsgsbase ? kFsGsBase : 0) | (xsave ? kXsave : 0));
  if (xsave) {
    constexpr std::uint32_t kUsed = 0xe7;  // x87, SSE, AVX, AVX-512
    const std::uint32_t mask = cpuid(0xd).a & kUsed;
    __asm__ volatile("xsetbv" ::"a"(mask), "d"(0), "c"(0));
  }
  __asm__ volatile("fninit");
}

std::uint64_t tsc_per_ns, apic_per_ns;  // 32.32 fixed point; of the first, what now() divides by
bool deadline_mode;

std::uint64_t per_ns(std::uint64_t hz) {
  return (hz / 1'000'000'000) << 32 | ((hz % 1'000'000'000) << 32) / 1'000'000'000;
}

std::uint64_t flushes;  // atomic: how often page tables have changed

}  // namespace

void set_up_processor(std::uint32_t index) {
  Processor& p = Processor::all[index];
  if (index == 0) fill_gates();
  load_tables(p);
  enable_features();
  write_msr(kGsBase, reinterpret_cast<std::uint64_t>(&kernel::vcpu_page(index)));
  kernel::vcpu_page(index).guest_word = index;
  LocalApic::enable();
  p.apic_id = LocalApic::id();
  p.timer_at = p.wait_until = Time::never();
}

void use_timer(std::uint64_t tsc_hz, std::uint64_t apic_timer_hz) {
  tsc_per_ns = per_ns(tsc_hz);
  apic_per_ns = per_ns(apic_timer_hz);
  deadline_mode = apic_timer_hz == 0;
}

void arm_timer(const Processor& p) {
  const Time at = p.timer_at < p.wait_until ? p.timer_at : p.wait_until;
  if (at == Time::never()) {
    if (deadline_mode)
      write_msr(kTscDeadline, 0);
    else
      LocalApic::count_down(0);
    return;
  }
  const Time t = now();
  const Duration wait = at > t ? at - t : Duration{0};
  // A long wait is looked at again; an interrupt that comes too early is set anew.
  constexpr Duration kLongest = seconds(1);
  const auto ns = static_cast<std::uint64_t>((wait < kLongest ? wait : kLongest).ns);
  if (deadline_mode) {
    write_msr(kTscDeadline, kernel::read_tsc() + (static_cast<unsigned __int128>(ns) * tsc_per_ns >> 32) + 1);
  } else {
    const auto ticks = static_cast<std::uint64_t>(static_cast<unsigned __int128>(ns) * apic_per_ns >> 32) + 1;
    LocalApic::count_down(static_cast<std::uint32_t>(ticks < 0xffffffff ? ticks : 0xffffffff));
  }
}

void flush_translations() {
  write_cr3(read_cr3());
  if (Processor::count == 1) return;
  const std::uint64_t wanted = __atomic_add_fetch(&flushes, 1, __ATOMIC_SEQ_CST);
  Processor& self = Processor::here();
  LocalApic::send_to_others(kFlushVector);
  for (std::uint32_t i = 0; i < Processor::count; i++) {
    Processor& p = Processor::all[i];
    // This one serves interrupts meanwhile: that of another that waits here too is among them.
    while (&p != &self && __atomic_load_n(&p.flushes_seen, __ATOMIC_SEQ_CST) < wanted) kernel::relax();
  }
}

void on_flush() {
  const std::uint64_t seen = __atomic_load_n(&flushes, __ATOMIC_SEQ_CST);
  write_cr3(read_cr3());
  __atomic_store_n(&Processor::here().flushes_seen, seen, __ATOMIC_SEQ_CST);
}

}  // namespace candor::hardware
