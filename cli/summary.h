// What a run came to, as a table for people and as JSON for programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/run.h"
#include "host/protocol.h"
#include "vmm/report.h"

namespace candor::cli {

struct Summary {
  Mode mode = Mode::kAware;
  double duration_s = 0;
  std::vector<int> cpus;
  host::Stats scheduler;      // zeros without one
  bool ranks = false;         // real-time ranks were held from beginning to end
  std::string ranks_missing;  // why not, if they should have been
  Duration job_overhead;      // that admission counted with; zero without a scheduler
  bool job_overhead_measured = false;
  std::vector<std::string> names;
  std::vector<vmm::VmReport> reports;  // in the order of `names`
};

/// Ended by itself or on request, with exit code 0.
bool in_order(const vmm::VmReport& report);

/// docs/summary.md describes the format.
std::string to_json(const Summary& summary);
std::string to_text(const Summary& summary);

}  // namespace candor::cli
