// `candor run`: starts the VMs of a configuration file, waits, ends them in order, and says what they did.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/time.h"

namespace candor::cli {

/// How vCPUs are scheduled.
enum class Mode {
  kUnaware,   // guests publish nothing; ordinary threads with the VM's weight
  kStaticRt,  // vCPUs of VMs with a real-time entitlement are SCHED_FIFO throughout
  kStaticDl,  // they are SCHED_DEADLINE with the VM's bandwidth
  kAware,     // admitted claims hold ranks, everything else is ordinary
};
const char* to_string(Mode mode);

struct RunOptions {
  std::filesystem::path file;
  Mode mode = Mode::kAware;
  std::optional<Duration> duration;  // else until the guests end by themselves or Ctrl-C
  std::optional<std::filesystem::path> summary_json;
  std::optional<std::filesystem::path> trace;
  std::optional<std::string> console;  // the VM that reads standard input
  bool run_list = false;  // print the composite run list on SIGUSR1, on Enter, and before the end
};

enum ExitStatus : int {
  kAllInOrder = 0,
  kSomeNot = 1,
  kUsage = 2,  // or configuration
  kHostCannot = 3,
};

/// Must be called while the process has one thread. Returns an ExitStatus; all
/// processes it started are gone by then.
int run(const RunOptions& options);

}  // namespace candor::cli
