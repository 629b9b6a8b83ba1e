// What the host scheduler did and why, in the Trace Event Format that Perfetto UI and chrome://tracing open.
// docs/trace.md describes what is in it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>

#include "base/time.h"
#include "cli/trace_writer.h"
#include "host/protocol.h"

namespace candor::cli {

class RankTrace {
 public:
  /// `file` outlives this.
  explicit RankTrace(TraceWriter& file);

  /// A VM that events may be of.
  void add_vm(std::uint32_t number, const std::string& name);
  /// The next one, in the order of time. One of a VM that was not added counts, with its number as name.
  void add(const host::TraceEvent& event);
  /// So many are missing between the last one and the next: until there is one, no rank is known.
  void add_lost(std::uint64_t count);
  /// All ranks end here.
  void end(Time now);

 private:
  struct Vcpu {
    std::uint32_t vm, number;
    auto operator<=>(const Vcpu&) const = default;
  };
  void instant(const host::TraceEvent& event, const std::string& name, const nlohmann::json& args);
  void answer(const host::TraceEvent& event);
  void rank(const host::TraceEvent& event);
  void ordinary(const host::TraceEvent& event);
  /// The rank that this gave ends.
  void slice(const host::TraceEvent& given, Time end);
  /// The number of a vCPU's track, which has its name from the first time on.
  std::uint32_t track(Vcpu vcpu);
  [[nodiscard]] std::string thread(std::uint32_t vm, std::uint32_t slot) const;

  TraceWriter& file_;
  Time last_;  // time of the newest event
  std::map<std::uint32_t, std::string> vms_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> threads_;  // of (vm, slot)
  std::set<Vcpu> tracks_;
  std::map<Vcpu, host::TraceEvent> ranks_;  // that go on
};

}  // namespace candor::cli
