#include "cli/trace_file.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "cli/units.h"

namespace candor::cli {
namespace {

constexpr std::string_view kHeader = "release_us,work_us";
constexpr std::uintmax_t kFileMax = 64 * kMiB;
constexpr Duration kReleaseMax = seconds(1'000'000);
constexpr Duration kWorkMax = seconds(100);
// As much of a wrong line as a message shows.
constexpr std::size_t kShownMax = 60;

// A parse_duration() without its unit: so many microseconds, with up to three decimals.
std::optional<Duration> microseconds_of(std::string_view text) {
  if (text.empty() || text.size() > 30 || text.find_first_not_of("0123456789.") != std::string_view::npos)
    return std::nullopt;
  return parse_duration(std::string(text) + "us");
}

/// One line; or what is wrong with it.
Result<sim::TraceJob, std::string> job_of(std::string_view line) {
  const std::size_t comma = line.find(',');
  if (comma == std::string_view::npos)
    return Error{std::string("is no job; write release and work in microseconds, as 12000,350.5")};
  const auto release = microseconds_of(line.substr(0, comma));
  const auto work = microseconds_of(line.substr(comma + 1));
  if (!release || *release > kReleaseMax)
    return Error{
        fmt::format("has no release from 0 to {}us before its comma; write a number without sign, unit, "
                    "blank and exponent, with up to three decimals",
                    kReleaseMax.ns / 1000)};
  if (!work || *work <= Duration{} || *work > kWorkMax)
    return Error{
        fmt::format("has no work above 0 and up to {}us after its comma; write a number without sign, "
                    "unit, blank and exponent, with up to three decimals",
                    kWorkMax.ns / 1000)};
  return sim::TraceJob{.release = *release, .work = *work};
}

}  // namespace

Result<Trace, std::string> parse_trace(std::string_view text, const std::filesystem::path& file) {
  auto jobs = std::make_shared<std::vector<sim::TraceJob>>();
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line == kHeader) continue;
    const auto wrong = [&](std::string_view what) {
      return Error{
          fmt::format("{}:{}: line \"{}\" {}", file.string(), number, line.substr(0, kShownMax), what)};
    };
    const auto job = job_of(line);
    if (!job.ok()) return wrong(job.error());
    if (!jobs->empty() && job->release < jobs->back().release)
      return wrong("is released before the line above; write the jobs in the order of their releases");
    if (jobs->size() == kTraceJobsMax)
      return wrong(fmt::format("is one job more than the limit of {}; shorten the trace", kTraceJobsMax));
    jobs->push_back(*job);
  }
  if (jobs->empty())
    return Error{fmt::format("{}: has no job; write lines as 12000,350.5: release and work in microseconds",
                             file.string())};
  return Trace(std::move(jobs));
}

Result<std::string, std::string> read_whole(const std::filesystem::path& file, std::uintmax_t limit) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return Error{fmt::format("{}: is no file; write a path from the scenario's folder", file.string())};
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (!error && size > limit)
    return Error{fmt::format("{}: has {} bytes, above the limit of {}; shorten it", file.string(), size,
                             format_bytes(limit))};
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  // Nothing at all is written where the file is empty, and that counts as a failure.
  if (error || !stream || (size > 0 && !(text << stream.rdbuf())))
    return Error{fmt::format("{}: cannot be read; look at its permissions", file.string())};
  return std::move(text).str();
}

Result<Trace, std::string> load_trace(const std::filesystem::path& file) {
  auto text = read_whole(file, kFileMax);
  if (!text.ok()) return Error{text.error()};
  return parse_trace(*text, file);
}

}  // namespace candor::cli
