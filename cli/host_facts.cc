#include <sys/auxv.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "cli/check.h"
#include "cli/config.h"
#include "cli/units.h"
#include "host/host_scheduler.h"
#include "host/job_cost.h"

namespace candor::cli {
namespace {

namespace fs = std::filesystem;

// Files of /proc and /sys are one short text each; one that cannot be read is empty.
std::string read_text(const fs::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  std::string all = text.str();
  while (!all.empty() && (all.back() == '\n' || all.back() == ' ')) all.pop_back();
  return all;
}

std::optional<std::int64_t> read_number(const fs::path& file) {
  const std::string text = read_text(file);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The bit of CAP_SYS_NICE in the line "CapEff:\t000001ffffffffff".
bool has_cap_sys_nice(const std::string& status) {
  constexpr unsigned kCapSysNice = 23;
  const auto at = status.find("CapEff:\t");
  if (at == std::string::npos) return false;
  std::uint64_t mask = 0;
  const char* digits = status.data() + at + 8;
  std::from_chars(digits, status.data() + status.size(), mask, 16);
  return (mask >> kCapSysNice) & 1;
}

// Real-time runtime of the version 1 cpu cgroup this process is in. Version 2 has no such file.
std::optional<std::int64_t> rt_group_runtime(const fs::path& root) {
  std::istringstream lines(read_text(root / "proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    // 4:cpu,cpuacct:/some/group
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers.find(",cpu,") == std::string::npos) continue;
    const std::string group = line.substr(second + 1);
    for (const char* mount : {"cpu", "cpu,cpuacct"}) {
      const auto runtime =
          read_number(root / "sys/fs/cgroup" / mount / group.substr(1) / "cpu.rt_runtime_us");
      if (runtime) return runtime;
    }
  }
  return std::nullopt;
}

// "none voluntary (full)" names the model in force in parentheses.
std::string preempt_model(const fs::path& root) {
  if (read_number(root / "sys/kernel/realtime") == 1) return "rt";
  const std::string models = read_text(root / "sys/kernel/debug/sched/preempt");
  const auto open = models.find('('), close = models.find(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return models.substr(open + 1, close - open - 1);
}

}  // namespace

HostFacts read_host_files(const fs::path& root) {
  HostFacts facts;
  facts.cap_sys_nice = has_cap_sys_nice(read_text(root / "proc/self/status"));
  facts.rt_runtime_us = read_number(root / "proc/sys/kernel/sched_rt_runtime_us");
  facts.rt_period_us = read_number(root / "proc/sys/kernel/sched_rt_period_us");
  facts.fair_server_runtime_ns = read_number(root / "sys/kernel/debug/sched/fair_server/cpu0/runtime");
  facts.fair_server_period_ns = read_number(root / "sys/kernel/debug/sched/fair_server/cpu0/period");
  facts.rt_group_runtime_us = rt_group_runtime(root);
  facts.autogroup = read_number(root / "proc/sys/kernel/sched_autogroup_enabled");
  facts.preempt = preempt_model(root);
  facts.isolated =
      parse_cpu_list(read_text(root / "sys/devices/system/cpu/isolated")).value_or(std::vector<int>{});
  facts.clocksource = read_text(root / "sys/devices/system/clocksource/clocksource0/current_clocksource");
  facts.mmap_min_addr = read_number(root / "proc/sys/vm/mmap_min_addr").value_or(0);
  return facts;
}

namespace {

// On the processor that candord would take by default. Answers of the child: nanoseconds, or an errno below
// zero.
void probe_job_cost(HostFacts& facts) {
  const int processor = facts.allowed.front();
  const auto answer = ask_child(
      [processor]() -> std::int64_t {
        const auto cost = host::measure_job_cost(processor, host::kOwnLevel);
        return cost.ok() ? cost->overhead().ns : -cost.error();
      },
      seconds(2));
  if (!answer || *answer <= 0)
    facts.job_overhead_error = answer ? static_cast<int>(-*answer) : ETIMEDOUT;
  else
    facts.job_overhead = nanoseconds(*answer);
}

}  // namespace

HostFacts gather_host_facts() {
  // As high as candord may go.
  constexpr int kHighestLevel = 90;
  constexpr unsigned long kHwcap2Fsgsbase = 2;

  HostFacts facts = read_host_files("/");
  utsname name{};
  if (uname(&name) == 0) {
    facts.kernel_release = name.release;
    facts.kernel_version = name.version;
  }
  const HostCpus cpus = host_cpus();
  facts.online = cpus.online;
  facts.allowed = cpus.allowed;
  facts.fsgsbase = (getauxval(AT_HWCAP2) & kHwcap2Fsgsbase) != 0;
  facts.fifo_error = probe_fifo(kHighestLevel);
  facts.deadline_error = probe_deadline(cpus.allowed.empty() ? 0 : cpus.allowed.front());
  facts.floating_deadline_error = probe_deadline(std::nullopt);
  facts.slice_error = probe_slice();
  facts.pid_namespace_error = probe_pid_namespace();
  facts.seccomp_error = probe_seccomp();
  if (facts.fifo_error == 0 && !facts.allowed.empty()) probe_job_cost(facts);
  facts.kvm = probe_kvm();
  return facts;
}

}  // namespace candor::cli
