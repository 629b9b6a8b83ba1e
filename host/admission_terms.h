// What an administrator may say about admission on this host.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "sched/types.h"

namespace candor::host {

struct AdmissionTerms {
  /// Budgets of all claims of a processor together, in millionths of it, up to
  /// sched::ProcessorModel::ceiling_ppm.
  std::uint32_t limit_ppm = sched::ProcessorModel{}.limit_ppm;
  /// What a job costs besides its budget (job_cost.h: its range); unset: as measured when candord starts.
  std::optional<Duration> job_overhead;
};

}  // namespace candor::host
