// What people type to one VM: from a descriptor into its ring of input (docs/abi.md §4.3).
#pragma once

#include "devices/console/ring.h"
#include "vmm/area.h"

namespace candor::vmm {

class ConsoleInput {
 public:
  /// `fd` stays the caller's.
  ConsoleInput(const Area& area, int fd)
      : fd_(fd),
        ring_(area.host_page().input_head, area.guest_page().input_tail, area.host_page().input,
              CANDOR_INPUT_BYTES) {}

  [[nodiscard]] int fd() const { return fd_; }

  enum class Left {
    kNothing,  // all that had come is with the guest
    kMore,     // the ring is full
    kEnded,    // nothing will come any more
  };
  /// Moves what has come, as far as the guest has room. To be called when a read would not wait; `moved`
  /// becomes the number of bytes.
  Left move(std::size_t& moved);

 private:
  int fd_;
  devices::RingWriter ring_;
};

/// The vCPU to tell of input, or `vcpus` if the guest names none that there is.
std::uint32_t console_listener(const Area& area, std::uint32_t vcpus);

}  // namespace candor::vmm
