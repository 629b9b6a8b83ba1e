// The console ring: the guest's head in the guest page, the host's tail in the
// host page, both counting bytes modulo 2^32.
#include "guest/console.h"

#include "guest/kernel_lock.h"
#include "guest/panic.h"
#include "guest/vcpu.h"

namespace candor {
namespace kernel {
namespace {

std::uint64_t bytes_lost;  // under the console lock

char* ring() {
  return &own_area_at<char>(CANDOR_OFF_CONSOLE);
}

bool has_room(std::size_t bytes) {
  const std::uint32_t used = peek(guest_page().console_head) - peek(host_page().console_tail);
  return used <= CANDOR_CONSOLE_BYTES && bytes <= CANDOR_CONSOLE_BYTES - used;
}

void append(std::string_view text) {
  const std::uint32_t head = guest_page().console_head;
  for (std::size_t i = 0; i < text.size(); i++) ring()[(head + i) % CANDOR_CONSOLE_BYTES] = text[i];
  __atomic_store_n(&guest_page().console_head, head + static_cast<std::uint32_t>(text.size()),
                   __ATOMIC_RELEASE);
}

void append_loss() {
  char memory[64];
  TextBuffer buffer(memory, sizeof memory);
  const FormatArgument lost(bytes_lost);
  buffer.format("[{} bytes of console output lost]\n", &lost, 1);
  if (!has_room(buffer.text().size() + kPrintBytes)) return;
  append(buffer.text());
  bytes_lost = 0;
}

/// All of it, or nothing when there is no room.
bool try_write(std::string_view text, bool last_try) {
  KernelLock lock(kConsoleLock);
  if (bytes_lost != 0) append_loss();
  if (has_room(text.size())) {
    append(text);
    return true;
  }
  if (last_try) bytes_lost += text.size();
  return false;
}

void write_console(std::string_view text) {
  // A thread on a real-time vCPU must not wait for whoever reads the console;
  // nor can one that runs with upcalls masked.
  bool may_wait;
  {
    may_wait = !upcalls_masked();
    Masked masked;
    if (Vcpu::here().realtime()) may_wait = false;
  }
  for (int tries_left = may_wait ? 10 : 0;; tries_left--) {
    const bool written = try_write(text, tries_left == 0);
    Masked masked;
    call_host(CANDOR_CALL_RING, CANDOR_BELL_MONITOR);
    if (written || tries_left == 0) return;
    Vcpu::block(now() + milliseconds(1));
  }
}

}  // namespace

void write_console_unlocked(std::string_view text) {
  append(text);
  call_host(CANDOR_CALL_RING, CANDOR_BELL_MONITOR);
}

}  // namespace kernel

void print_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count) {
  char memory[kPrintBytes];
  TextBuffer buffer(memory, sizeof memory);
  buffer.format(pattern, arguments, count);
  kernel::write_console(buffer.text());
}

void panic_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count) {
  kernel::mask_upcalls();
  char memory[kPrintBytes];
  TextBuffer buffer(memory, sizeof memory - 1);
  buffer.append(std::string_view("panic: "));
  buffer.format(pattern, arguments, count);
  memory[buffer.text().size()] = '\n';
  // Others may be writing; a garbled message is better than waiting for a lock here.
  kernel::write_console_unlocked({memory, buffer.text().size() + 1});
  for (;;) kernel::call_host(CANDOR_CALL_SHUTDOWN, 101);
}

}  // namespace candor
