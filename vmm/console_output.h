// Where guests' console output goes: standard output, which may have any reader.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"
#include "os/fd.h"

namespace candor::vmm {

/// Writes to a descriptor that others write to as well, without ever waiting
/// for its reader: a reader that pauses must not keep a VM process from its other duties.
/// What cannot be written yet is kept, and put off what comes after it.
class ConsoleOutput {
 public:
  /// `fd` stays the caller's.
  explicit ConsoleOutput(int fd) : fd_(fd) {}

  /// A description of standard output of our own on which no write waits, where the
  /// kernel gives one (pipes and terminals); else standard output itself, which regular files are fit for.
  /// Must be called before privileges are dropped.
  static Fd open_standard_output();

  void put(std::string_view text) { held_ += text; }
  /// Writes what there is room for; true if nothing is held back any more.
  bool flush();
  /// The same, waiting for the reader for at most `patience`; what is left then is dropped. Returns its
  /// bytes.
  std::size_t finish(Duration patience);

 private:
  int fd_;
  bool gone_ = false;  // nobody will ever read
  std::string held_;
};

}  // namespace candor::vmm
