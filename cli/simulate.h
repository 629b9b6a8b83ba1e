// `candor sim`: runs a scenario file, prints what it found, and writes JSON and pictures.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "sim/experiment.h"

namespace candor::cli {

struct SimOptions {
  std::filesystem::path file;
  std::optional<std::filesystem::path> json;
  std::optional<std::filesystem::path> pictures;  // a directory, made if it is not there
  std::optional<std::filesystem::path> trace;     // of the first run under policy composite
  // In place of what the file says:
  std::vector<std::string> policies;
  std::optional<std::uint32_t> runs, seed;
  std::optional<Duration> duration;
  unsigned jobs = 1;  // threads, at least 1; the result is the same
};

/// Returns an ExitStatus: kUsage before anything has run, or kSomeNot if something could not be written.
int simulate(const SimOptions& options, const sim::RunFunction& run);

}  // namespace candor::cli
