#include "host/run_clock.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <span>
#include <string_view>

namespace candor::host {

Result<RunClock, int> RunClock::open(pid_t process, pid_t tid) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/schedstat", process, tid);
  Fd schedstat(::open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!schedstat.open()) return Error{errno};
  std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/stat", process, tid);
  Fd stat(::open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!stat.open()) return Error{errno};
  RunClock clock(std::move(schedstat), std::move(stat));
  if (!clock.read().has_value()) return Error{ENOTSUP};
  return clock;
}

std::optional<RunTimes> RunClock::read() const {
  std::array<char, 96> text;
  const ssize_t n = pread(schedstat_.get(), text.data(), text.size(), 0);
  if (n <= 0) return std::nullopt;
  const char* end = text.data() + n;
  RunTimes times;
  const auto ran = std::from_chars(text.data(), end, times.ran.ns);
  if (ran.ec != std::errc() || ran.ptr == end) return std::nullopt;
  const auto waited = std::from_chars(ran.ptr + 1, end, times.waited.ns);
  if (waited.ec != std::errc()) return std::nullopt;
  return times;
}

namespace {

/// The line from a field on, counted as proc(5) does, 3 or later; empty: there is none.
std::string_view field_of(int stat, int number, std::span<char> text) {
  const ssize_t n = pread(stat, text.data(), text.size(), 0);
  if (n <= 0) return {};
  // The second field, the name, may hold anything but ends with the last ')'.
  std::string_view line(text.data(), static_cast<std::size_t>(n));
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos) return {};
  line.remove_prefix(name_end + 1);
  for (int i = 3; i < number; ++i) {
    const std::size_t space = line.find(' ', 1);
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space);
  }
  line.remove_prefix(1);
  return line;
}

constexpr int kStateField = 3, kPriorityField = 18, kProcessorField = 39;

}  // namespace

bool RunClock::boosted() const {
  std::array<char, 512> text;
  return field_of(stat_.get(), kPriorityField, text).starts_with('-');
}

bool RunClock::ready() const {
  std::array<char, 512> text;
  return field_of(stat_.get(), kStateField, text).starts_with('R');
}

int RunClock::processor() const {
  std::array<char, 512> text;
  const std::string_view field = field_of(stat_.get(), kProcessorField, text);
  int processor = -1;
  std::from_chars(field.data(), field.data() + field.size(), processor);
  return processor;
}

}  // namespace candor::host
