// The console ring of one VM (docs/abi.md §4.3): bytes out, as lines.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/area.h"

namespace candor::vmm {

/// Takes what the guest has written and turns it into lines "NAME| text".
/// Keeps its own cursor: the published tail is for the guest to read only.
class Console {
 public:
  Console(const Area& area, std::string name) : area_(area), prefix_(std::move(name) + "| ") {}

  /// Appends complete lines to `out` until that has `limit` bytes or, by less than a line, more; the rest
  /// stays in the ring. With `final` also an unfinished line.
  /// Control characters come out as '?', so a guest cannot play with a terminal.
  void drain(std::string& out, std::size_t limit, bool final);

 private:
  void finish_line(std::string& out);

  const Area& area_;
  std::string prefix_;
  std::string line_;
  std::uint32_t taken_ = 0;  // modulo 2^32, as the ring counts
};

}  // namespace candor::vmm
