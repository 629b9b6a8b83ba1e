// What the host scheduler did and why, in the Trace Event Format that Perfetto UI and chrome://tracing open.
// docs/trace.md describes what is in it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <set>
#include <string>
#include <utility>

#include "base/time.h"
#include "host/protocol.h"

namespace candor::cli {

class RankTrace {
 public:
  /// `file` outlives this. Its times are counted from `start`. `ranks`: whether the levels are in force.
  RankTrace(std::ostream& file, Time start, bool ranks);

  /// A VM that events may be of.
  void add_vm(std::uint32_t number, const std::string& name);
  /// The next one, in the order of time. One of a VM that was not added counts, with its number as name.
  void add(const host::TraceEvent& event);
  /// So many are missing between the last one and the next: until there is one, no rank is known.
  void add_lost(std::uint64_t count);
  /// All ranks end here.
  void end(Time now);

  /// Makes the file a whole trace of what was added, but for ranks that go on; it may go on after that.
  /// False: it cannot be written.
  [[nodiscard]] bool flush();

 private:
  struct Vcpu {
    std::uint32_t vm, number;
    auto operator<=>(const Vcpu&) const = default;
  };
  void write(const nlohmann::json& event);
  void name(const char* what, std::uint32_t process, std::uint32_t thread, const std::string& text);
  void instant(const host::TraceEvent& event, const std::string& name, const nlohmann::json& args);
  void answer(const host::TraceEvent& event);
  void rank(const host::TraceEvent& event);
  void ordinary(const host::TraceEvent& event);
  /// The rank that this gave ends.
  void slice(const host::TraceEvent& given, Time end);
  /// The number of a vCPU's track, which has its name from the first time on.
  std::uint32_t track(Vcpu vcpu);
  [[nodiscard]] std::string thread(std::uint32_t vm, std::uint32_t slot) const;
  [[nodiscard]] double us(Time t) const { return static_cast<double>((t - start_).ns) / 1e3; }

  std::ostream& file_;
  const Time start_;
  Time last_;  // time of the newest event
  bool empty_ = true;
  std::map<std::uint32_t, std::string> vms_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> threads_;  // of (vm, slot)
  std::set<Vcpu> tracks_;
  std::map<Vcpu, host::TraceEvent> ranks_;  // that go on
};

}  // namespace candor::cli
