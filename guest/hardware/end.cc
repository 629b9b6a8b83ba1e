// The console's way out, the power button, and the end.
#include "guest/area.h"
#include "guest/hardware/apic.h"
#include "guest/hardware/clock_source.h"
#include "guest/hardware/host.h"
#include "guest/hardware/processor.h"
#include "guest/hardware/registers.h"
#include "guest/uart.h"

namespace candor::hardware {
namespace {

using kernel::first_uart;
using kernel::peek;
using kernel::put;

bool draining;  // atomic: somebody is at it; with interrupts off

bool take_drain() {
  return !__atomic_exchange_n(&draining, true, __ATOMIC_ACQUIRE);
}

/// The longest piece of what has not been passed on that lies in one piece.
std::string_view pending_text() {
  const std::uint32_t tail = peek(host.page->console_tail), head = peek(kernel::guest_page().console_head);
  std::uint32_t bytes = head - tail;
  if (bytes > CANDOR_CONSOLE_BYTES) bytes = CANDOR_CONSOLE_BYTES;
  const std::uint32_t from = tail % CANDOR_CONSOLE_BYTES;
  const std::uint32_t most = CANDOR_CONSOLE_BYTES - from;
  const auto* ring = &kernel::area_at<char>(CANDOR_OFF_CONSOLE);
  return {ring + from, bytes < most ? bytes : most};
}

void pass_on(std::size_t bytes) {
  put(host.page->console_tail, host.page->console_tail + static_cast<std::uint32_t>(bytes));
}

/// What has come, as far as there is room; false if there is none left.
bool take_input() {
  const std::uint32_t before = host.page->input_head;
  std::uint32_t head = before;
  bool room;
  while ((room = head - peek(kernel::guest_page().input_tail) < CANDOR_INPUT_BYTES)) {
    char byte;
    if (first_uart.read({&byte, 1}) == 0) break;
    put(host.page->input[head++ % CANDOR_INPUT_BYTES], static_cast<std::uint8_t>(byte));
  }
  if (head == before) return room;
  __atomic_store_n(&host.page->input_head, head, __ATOMIC_SEQ_CST);
  const std::uint32_t listener = __atomic_load_n(&kernel::guest_page().console_listener, __ATOMIC_SEQ_CST);
  if (listener == 0 || listener > Processor::count) return room;
  __atomic_fetch_or(&kernel::vcpu_page(listener - 1).pending, CANDOR_PENDING_CONSOLE, __ATOMIC_SEQ_CST);
  LocalApic::send(Processor::all[listener - 1].apic_id, kNotifyVector);
  return room;
}

/// As far as the serial port takes it; true if that is all.
bool pass_on_output() {
  for (std::string_view text = pending_text(); !text.empty(); text = pending_text()) {
    const std::size_t taken = first_uart.started() ? first_uart.offer(text) : text.size();
    pass_on(taken);
    if (taken == 0 && host.serial_interrupts) return false;
    if (taken == 0) kernel::relax();
  }
  return true;
}

}  // namespace

void drain_console() {
  const InterruptsOff off;
  bool all = true;
  do {
    // Who is at it looks again behind us, below; without interrupts, wait.
    while (!take_drain()) {
      if (host.serial_interrupts) return;
      kernel::relax();
    }
    const bool room = take_input();
    all = pass_on_output();
    if (host.serial_interrupts) first_uart.want_interrupts(room, !all);
    __atomic_store_n(&draining, false, __ATOMIC_SEQ_CST);
  } while (all && !pending_text().empty());
}

void drain_console_wholly() {
  const InterruptsOff off;
  if (host.page == nullptr) return;  // the area is not there yet
  for (std::string_view text = pending_text(); !text.empty(); text = pending_text()) {
    first_uart.write(text, ~0u);
    pass_on(text.size());
  }
}

// ACPI specification 4.8.3: status, and in the second half of the block, enable registers.
bool listen_to_power_button() {
  constexpr std::uint16_t kPowerButton = 1 << 8, kAcpiOn = 1;
  const Machine& m = host.machine;
  if (!m.power_button || m.pm1a_event == 0 || m.pm1_event_bytes < 4) return false;
  const auto control = static_cast<std::uint16_t>(m.pm1a_control);
  if (m.smi_command != 0 && m.acpi_enable != 0 && (in16(control) & kAcpiOn) == 0) {
    out8(static_cast<std::uint16_t>(m.smi_command), m.acpi_enable);
    for (int tries = 0; tries < 3000 && (in16(control) & kAcpiOn) == 0; tries++) wait_us(1000);
  }
  for (const std::uint32_t block : {m.pm1a_event, m.pm1b_event}) {
    if (block == 0) continue;
    out16(static_cast<std::uint16_t>(block), kPowerButton);  // written ones are cleared
    out16(static_cast<std::uint16_t>(block + m.pm1_event_bytes / 2),
          block == m.pm1a_event ? kPowerButton : 0);
  }
  return route(m, m.sci, kAcpiVector, Processor::all[0].apic_id);
}

void on_acpi_interrupt() {
  constexpr std::uint16_t kPowerButton = 1 << 8;
  bool pressed = false;
  for (const std::uint32_t block : {host.machine.pm1a_event, host.machine.pm1b_event}) {
    if (block == 0) continue;
    const std::uint16_t status = in16(static_cast<std::uint16_t>(block));
    out16(static_cast<std::uint16_t>(block), status);
    pressed = pressed || (status & kPowerButton) != 0;
  }
  if (!pressed) return;
  put(host.page->shutdown, 1u);
  __atomic_fetch_or(&kernel::vcpu_page(0).pending, CANDOR_PENDING_SHUTDOWN, __ATOMIC_SEQ_CST);
}

void end(std::uint32_t code) {
  interrupts_off();
  if (Processor::count > 1) LocalApic::send_to_others(kStopVector);
  drain_console_wholly();
  if (host.exit_port != 0) out32(host.exit_port, code);
  // 4.8.3.2: the type of sleep, and that it begins.
  constexpr std::uint16_t kSleep = 1 << 13, kType = 7 << 10;
  const Machine& m = host.machine;
  if (m.can_power_off && m.pm1a_control != 0) {
    const auto a = static_cast<std::uint16_t>(m.pm1a_control), b = static_cast<std::uint16_t>(m.pm1b_control);
    out16(a, static_cast<std::uint16_t>((in16(a) & ~kType) | m.s5_type_a << 10 | kSleep));
    if (b != 0) out16(b, static_cast<std::uint16_t>((in16(b) & ~kType) | m.s5_type_b << 10 | kSleep));
  }
  for (;;) __asm__ volatile("cli; hlt");
}

}  // namespace candor::hardware
