#include "cli/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/units.h"

namespace candor::cli {
namespace {

const char* class_name(std::uint32_t cls) {
  switch (cls) {
    case CANDOR_CLASS_DEADLINE:
      return "deadline";
    case CANDOR_CLASS_FIXED:
      return "fixed";
    case CANDOR_CLASS_BACKGROUND:
      return "background";
    default:
      return "fair";
  }
}

double seconds_of(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

std::uint64_t work_of(const vmm::VmReport& report) {
  return std::accumulate(report.threads, report.threads + report.thread_count, std::uint64_t{0},
                         [](std::uint64_t sum, const vmm::ThreadReport& t) { return sum + t.work_units; });
}

nlohmann::ordered_json thread_json(const vmm::ThreadReport& t) {
  return {
      {"name", t.name},
      {"class", class_name(t.cls)},
      {"jobs", t.jobs},
      {"skipped", t.skipped},
      {"deadline_misses", t.misses + t.skipped},
      {"wakeup_us", {{"p50", t.wakeup_p50_us}, {"p99", t.wakeup_p99_us}, {"max", t.wakeup_max_us}}},
      {"work_units", t.work_units},
  };
}

nlohmann::ordered_json guest_json(const std::string& name, const vmm::VmReport& r) {
  nlohmann::ordered_json threads = nlohmann::ordered_json::array();
  for (std::uint32_t t = 0; t < r.thread_count; t++) threads.push_back(thread_json(r.threads[t]));
  return {
      {"name", name},
      {"exit_reason", vmm::to_string(r.reason)},
      {"exit_code", r.exit_code},
      {"exit_detail", r.detail},
      {"start_us", static_cast<double>(r.start_ns) / 1e3},
      {"boot_us", static_cast<double>(r.boot_ns) / 1e3},
      {"cpu_s", seconds_of(r.cpu_ns)},
      {"steal_s", seconds_of(r.steal_ns)},
      {"host_calls", r.host_calls},
      {"kicks", r.kicks},
      {"upcalls", r.upcalls},
      {"publishes", r.publishes},
      {"polls", r.polls},
      {"poll_hits", r.poll_hits},
      {"waits", r.waits},
      {"port_accesses", r.port_accesses},
      {"work_units", work_of(r)},
      {"threads", threads},
  };
}

}  // namespace

bool in_order(const vmm::VmReport& report) {
  const bool ended =
      report.reason == vmm::ExitReason::kShutdown || report.reason == vmm::ExitReason::kStopped;
  return ended && report.exit_code == 0;
}

std::string to_json(const Summary& s) {
  nlohmann::ordered_json guests = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < s.reports.size(); i++) guests.push_back(guest_json(s.names[i], s.reports[i]));
  const nlohmann::ordered_json root = {
      {"mode", to_string(s.mode)},
      {"duration_s", s.duration_s},
      {"host",
       {{"cpus", format_cpu_list(s.cpus)},
        {"rank_changes", s.scheduler.rank_changes},
        {"slice_changes", s.scheduler.slice_changes},
        {"scheduler_cpu_s", seconds_of(s.scheduler.cpu_ns)},
        {"scheduler_wakeups", s.scheduler.wakeups},
        {"decisions", s.scheduler.decisions},
        {"bells", s.scheduler.bells},
        {"bells_muted", s.scheduler.bells_muted},
        {"exhaustions", s.scheduler.exhaustions},
        {"processors_lost", s.scheduler.processors_lost},
        {"job_overhead_us", static_cast<double>(s.job_overhead.ns) / 1e3},
        {"job_overhead_measured", s.job_overhead_measured},
        {"ranks", s.ranks},
        {"ranks_missing", s.ranks_missing}}},
      {"guests", guests},
  };
  return root.dump(2) + "\n";
}

std::string to_text(const Summary& s) {
  std::string out = fmt::format(
      "\n{} mode, {:.2f} s, processors {}: {} rank changes, scheduler used {:.3f} s\n", to_string(s.mode),
      s.duration_s, format_cpu_list(s.cpus), s.scheduler.rank_changes, seconds_of(s.scheduler.cpu_ns));
  if (s.scheduler.processors_lost > 0)
    out += fmt::format("PROCESSORS LOST: {} times; see docs/caveats.md\n", s.scheduler.processors_lost);
  if (!s.ranks_missing.empty()) out += fmt::format("NO REAL-TIME RANKS: {}\n", s.ranks_missing);
  std::size_t name_width = 5;
  for (const std::string& name : s.names) name_width = std::max(name_width, name.size());
  out += fmt::format("\n{:{}}  {:8} {:>7} {:>7}  {:16} {:10} {:>7} {:>7}  {:>24}  {:>10}\n", "guest",
                     name_width, "ended", "cpu s", "steal s", "thread", "class", "jobs", "missed",
                     "wake-up us p50/p99/max", "work");
  for (std::size_t i = 0; i < s.reports.size(); i++) {
    const vmm::VmReport& r = s.reports[i];
    out += fmt::format("{:{}}  {:8} {:7.2f} {:7.2f}", s.names[i], name_width, vmm::to_string(r.reason),
                       seconds_of(r.cpu_ns), seconds_of(r.steal_ns));
    if (r.thread_count == 0) out += '\n';
    for (std::uint32_t t = 0; t < r.thread_count; t++) {
      const vmm::ThreadReport& thread = r.threads[t];
      const bool periodic = thread.jobs + thread.skipped != 0;
      if (t != 0) out += fmt::format("{:{}}", "", name_width + 26);
      out += fmt::format("  {:16} {:10} {:>7} {:>7}  {:>24}  {:>10}\n", thread.name, class_name(thread.cls),
                         periodic ? fmt::format("{}", thread.jobs) : "",
                         periodic ? fmt::format("{}", thread.misses + thread.skipped) : "",
                         periodic ? fmt::format("{:.0f} / {:.0f} / {:.0f}", thread.wakeup_p50_us,
                                                thread.wakeup_p99_us, thread.wakeup_max_us)
                                  : "",
                         thread.work_units);
    }
    if (r.detail[0] != '\0') out += fmt::format("{:{}}  {}\n", "", name_width, r.detail);
    if (r.exit_code != 0) out += fmt::format("{:{}}  exit code {}\n", "", name_width, r.exit_code);
  }
  return out;
}

}  // namespace candor::cli
