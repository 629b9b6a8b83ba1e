// A file in the Trace Event Format that Perfetto UI and chrome://tracing open, whole at each flush.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>

#include "base/time.h"

namespace candor::cli {

inline constexpr std::string_view kRanksInForce = "in force";

class TraceWriter {
 public:
  /// `file` outlives this. Its times are counted from `start`. `ranks`: what is to be said of the levels in
  /// it.
  TraceWriter(std::ostream& file, Time start, std::string_view ranks);

  [[nodiscard]] Time start() const { return start_; }
  /// A time as the file has it.
  [[nodiscard]] double us(Time t) const { return static_cast<double>((t - start_).ns) / 1e3; }

  void write(const nlohmann::json& event);
  /// Names a process ("process_name") or a track ("thread_name").
  void name(const char* what, std::uint32_t process, std::uint32_t thread, const std::string& text);

  /// Makes the file a whole trace of what was written; it may go on after that. False: it cannot be written.
  [[nodiscard]] bool flush();

 private:
  std::ostream& file_;
  const Time start_;
  bool empty_ = true;
};

/// The process that a VM is in the file. Viewers take 0 for the idle process.
constexpr std::uint32_t process_id(std::uint32_t vm) {
  return vm + 1;
}

}  // namespace candor::cli
