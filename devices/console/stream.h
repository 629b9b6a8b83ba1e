// The one stream behind both faces of a console: a ring of output and a ring of input in the shared
// area. The 16550's registers end where the guest's own code ends that uses the rings, so what goes by
// one face comes before what goes by the other afterwards, and nothing comes twice. Freestanding.
#pragma once

#include "abi/candor.h"
#include "devices/console/ring.h"

namespace candor::devices {

/// The guest's end, on an area as it is mapped where guest code runs.
class GuestEnd {
 public:
  explicit GuestEnd(std::uint8_t* area)
      : output_(guest_page(area).console_head, host_page(area).console_tail, area + CANDOR_OFF_CONSOLE,
                CANDOR_CONSOLE_BYTES),
        input_(host_page(area).input_head, guest_page(area).input_tail, host_page(area).input,
               CANDOR_INPUT_BYTES) {}

  [[nodiscard]] std::uint32_t room() const { return output_.room(); }
  void put(std::uint8_t byte) { output_.put(byte); }
  [[nodiscard]] std::uint32_t waiting() const { return input_.waiting(); }
  std::uint8_t take() { return input_.take(); }

 private:
  static candor_guest_page& guest_page(std::uint8_t* area) {
    return *reinterpret_cast<candor_guest_page*>(area + CANDOR_OFF_GUEST_PAGE);
  }
  static const candor_host_page& host_page(std::uint8_t* area) {
    return *reinterpret_cast<const candor_host_page*>(area + CANDOR_OFF_HOST_PAGE);
  }

  RingWriter output_;
  RingReader input_;
};

}  // namespace candor::devices
