#include "cli/run_list.h"

#include <fmt/format.h>

namespace candor::cli {
namespace {

const char* state_name(std::uint32_t state) {
  switch (state) {
    case CANDOR_THREAD_READY:
      return "ready";
    case CANDOR_THREAD_WAITING:
      return "waiting";
    case CANDOR_THREAD_BLOCKED:
      return "blocked";
    case 4:
      return "running";
    default:
      return "?";
  }
}

const char* class_name(std::uint32_t cls) {
  static constexpr const char* kNames[] = {"none", "deadline", "fixed", "fair", "background"};
  return cls < std::size(kNames) ? kNames[cls] : "?";
}

/// "+1.25" milliseconds from now, or "-" where there is none.
std::string relative(std::int64_t ns, std::uint64_t now_ns) {
  if (ns == INT64_MAX) return "-";
  return fmt::format("{:+.2f}", static_cast<double>(ns - static_cast<std::int64_t>(now_ns)) / 1e6);
}

}  // namespace

std::string run_list_text(const std::vector<host::RunListEntry>& entries, std::uint64_t now_ns) {
  std::string out = fmt::format(
      "composite run list, {} threads, times in ms from now\n{:>5} {:>4}  {:16} {:16} {:8} {:10} {:>5} "
      "{:>10} {:>10} {:>9}  {}\n",
      entries.size(), "place", "cpu", "guest", "thread", "state", "class", "level", "release", "deadline",
      "expected", "reason");
  for (std::size_t i = 0; i < entries.size(); i++) {
    const host::RunListEntry& e = entries[i];
    out += fmt::format(
        "{:>5} {:>4}  {:16} {:16} {:8} {:10} {:>5} {:>10} {:>10} {:>9}  {}\n", i + 1,
        e.processor == ~0u ? "any" : fmt::format("{}", e.processor), e.vm_name, e.thread_name,
        state_name(e.state), class_name(e.cls), e.level == 0 ? "-" : fmt::format("{}", e.level),
        relative(e.release_ns, now_ns), relative(e.deadline_ns, now_ns),
        e.expected_ns == 0 ? "-" : fmt::format("{:.2f}", static_cast<double>(e.expected_ns) / 1e6), e.reason);
  }
  return out;
}

}  // namespace candor::cli
