// Whatever a guest does to its console's registers and words, from whatever state: the device keeps to its
// rings, and says of itself what holds.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "devices/console/stream.h"
#include "devices/console/uart16550.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor;
  using devices::Uart16550;
  // The part of the host is behind the guest's reach; what stands there is never changed.
  static std::vector<std::uint64_t> words(CANDOR_AREA_BYTES / 8);
  auto* area = reinterpret_cast<std::uint8_t*>(words.data());
  auto& guest = *reinterpret_cast<candor_guest_page*>(area + CANDOR_OFF_GUEST_PAGE);
  auto& host = *reinterpret_cast<candor_host_page*>(area + CANDOR_OFF_HOST_PAGE);
  Uart16550 uart = {};
  if (size < sizeof uart + 8) return 0;
  std::memcpy(static_cast<void*>(&uart), data, sizeof uart);
  std::memcpy(&guest.console_head, data + sizeof uart, 4);
  std::memcpy(&host.input_head, data + sizeof uart + 4, 4);
  host.console_tail = guest.console_head;
  guest.input_tail = host.input_head;
  devices::GuestEnd end(area);
  for (std::size_t i = sizeof uart + 8; i + 1 < size; i += 2) {
    const unsigned port = data[i] % 8;
    const std::uint8_t value = data[i + 1];
    const std::uint32_t head = guest.console_head, tail = guest.input_tail;
    switch (data[i] / 8 % 4) {
      case 0:
        uart.write(port, value, end);
        require(guest.console_head - head <= 1 && guest.input_tail == tail);
        break;
      case 1: {
        const std::uint32_t waiting = end.waiting();
        uart.read(port, end);
        require(guest.console_head == head && guest.input_tail - tail <= (waiting != 0 ? 1u : 0u));
        break;
      }
      case 2:  // the guest's own words
        (port % 2 == 0 ? guest.console_head : guest.input_tail) += value * 0x1001u;
        break;
      default:  // the host's
        if (port % 2 == 0) host.input_head++;
        if (port % 2 == 1) host.console_tail = guest.console_head;
    }
    require(end.room() <= CANDOR_CONSOLE_BYTES && end.waiting() <= CANDOR_INPUT_BYTES);
    const bool told = uart.interrupts(end);
    require(told == uart.interrupts(end));
  }
  return 0;
}
