// What a guest's scheduler did, in the file that has what the host's did (docs/trace.md): a track for each
// vCPU, with a slice for each time that a thread ran there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "abi/candor.h"
#include "base/time.h"
#include "cli/trace_writer.h"

namespace candor::cli {

class GuestTrace {
 public:
  /// What a slot's thread is called now; "" if that is not known.
  using NameOf = std::function<std::string(std::uint32_t)>;

  /// Of this VM. `file` outlives this.
  GuestTrace(TraceWriter& file, std::uint32_t vm) : file_(file), vm_(vm) {}

  /// The next one of a vCPU. `now`: no event can be later. Whatever is in the record, the file stays one.
  void add(std::uint32_t vcpu, const candor_trace& record, Time now, const NameOf& name_of);
  /// So many are missing before the next one; until that, nobody is known to run.
  void add_lost(std::uint32_t vcpu, std::uint64_t count);
  /// Nothing runs any more.
  void end(Time now);

 private:
  struct Vcpu {
    std::uint32_t track;
    Time last;          // time of its newest event
    bool runs = false;  // since then it runs:
    Time since;
    std::string thread;
    std::uint32_t slot = 0;
    std::uint32_t ready = ~0u;  // as last written
  };
  Vcpu& vcpu(std::uint32_t number);
  void end_slice(Vcpu& vcpu, Time end);
  void instant(const Vcpu& vcpu, const std::string& name, const nlohmann::json& args);

  TraceWriter& file_;
  std::uint32_t vm_;
  std::map<std::uint32_t, Vcpu> vcpus_;
};

}  // namespace candor::cli
