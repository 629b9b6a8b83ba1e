// Traces of jobs for threads with arrival "trace": lines of release and work. docs/simulator.md describes
// them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/workload.h"

namespace candor::cli {

using Trace = std::shared_ptr<const std::vector<sim::TraceJob>>;

inline constexpr std::size_t kTraceJobsMax = 1'000'000;

/// At least one job, releases ascending (equal ones are allowed), work > 0. Else a message with file, line,
/// value and remedy.
Result<Trace, std::string> load_trace(const std::filesystem::path& file);

/// The same from text; `file` is only named in messages.
Result<Trace, std::string> parse_trace(std::string_view text, const std::filesystem::path& file);

/// A regular file of at most `limit` bytes, read whole; else a message that begins with its name.
Result<std::string, std::string> read_whole(const std::filesystem::path& file, std::uintmax_t limit);

}  // namespace candor::cli
