// One workload under one policy, for a while of virtual time.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "sim/result.h"
#include "sim/workload.h"

namespace candor::sim {

struct RunOptions {
  Duration duration = seconds(1);
  std::uint64_t seed = 1;
  bool until_miss = false;  // ends with the first deadline that a real-time thread misses
};

/// Deterministic: the same arguments give the same result on any machine. Runs on the calling
/// thread; several may run at once. The workload must be sound: scenario.h and the generators see to that.
RunResult run(const Workload& workload, Policy policy, const RunOptions& options);

}  // namespace candor::sim
