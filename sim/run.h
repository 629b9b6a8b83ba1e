// One workload under one policy, for a while of virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/time.h"
#include "sched/scheduler.h"
#include "sim/result.h"
#include "sim/workload.h"

namespace candor::sim {

/// When a run begins, in virtual time.
inline constexpr Time kRunStart{seconds(1).ns};

/// What the composite scheduler did.
struct Decided {
  Time at;
  std::uint32_t vm = 0, vcpu = sched::kNone, processor = sched::kNone;
  std::uint32_t thread = sched::kNone;  // index in its VM
  std::optional<sched::Answer> answer;  // to the thread's claim; where there is none, the vCPU has another
                                        // level from now on:
  sched::Explanation why;
};

struct RunOptions {
  Duration duration = seconds(1);
  std::uint64_t seed = 1;
  bool until_miss = false;                      // ends with the first deadline that a real-time thread misses
  std::function<void(const Decided&)> watch{};  // is told, in the order of time; may be empty
};

/// Deterministic: the same arguments give the same result on any machine. Runs on the calling
/// thread; several may run at once. The workload must be sound: scenario.h and the generators see to that.
RunResult run(const Workload& workload, Policy policy, const RunOptions& options);

}  // namespace candor::sim
