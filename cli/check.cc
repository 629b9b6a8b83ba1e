#include "cli/check.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "abi/candor.h"
#include "cli/units.h"
#include "sched/types.h"

namespace candor::cli {
namespace {

// From this kernel on a fair server per processor takes the place of the real-time throttle.
bool has_fair_server(const std::string& release) {
  int major = 0, minor = 0;
  const char* end = release.data() + release.size();
  const auto dot = std::from_chars(release.data(), end, major);
  if (dot.ptr == end || *dot.ptr != '.') return false;
  std::from_chars(dot.ptr + 1, end, minor);
  return major > 6 || (major == 6 && minor >= 12);
}

std::string cause(int error) {
  return fmt::format("{} ({})", strerrorname_np(error), std::strerror(error));
}

CheckLine ranks_line(const HostFacts& facts) {
  if (facts.fifo_error == 0) {
    return {Verdict::kOk, "ranks", "SCHED_FIFO is permitted", "admitted claims preempt everything ordinary"};
  }
  std::string remedy = "run as root or with CAP_SYS_NICE";
  if (facts.cap_sys_nice) {
    // The privilege is there, so the cgroup has no real-time runtime or the container filters the call.
    remedy =
        facts.rt_group_runtime_us == 0
            ? "this cgroup has no real-time runtime: write cpu.rt_runtime_us or start from another cgroup"
            : "CAP_SYS_NICE is there, so a cgroup or the container forbids it: start outside";
  }
  return {Verdict::kWarn, "ranks", "SCHED_FIFO: " + cause(facts.fifo_error),
          "VMs run with ordinary scheduling only; " + remedy};
}

CheckLine job_line(const HostFacts& facts) {
  if (facts.job_overhead)
    return {Verdict::kOk, "job cost",
            fmt::format("an interrupt, switches and a look by the scheduler: {}",
                        format_duration(*facts.job_overhead)),
            "admission counts it for each job besides its budget"};
  return {Verdict::kWarn, "job cost",
          facts.job_overhead_error != 0 ? "cannot be measured: " + cause(facts.job_overhead_error)
                                        : std::string("not measured: it takes real-time ranks"),
          fmt::format("admission counts {} for each job, or [host] job_overhead",
                      format_duration(sched::ProcessorModel{}.job_overhead))};
}

CheckLine kvm_line(const KvmFacts& kvm) {
  // The kvm back end is not there yet: both verdicts end in the same place, and say so.
  const std::string then = "the process back end is used, which does without";
  if (kvm.usable()) {
    return {Verdict::kOk, "kvm",
            fmt::format("a supervisor loop takes {:.1f} ns a turn: real", kvm.ns_per_turn),
            "usable by other programs; Candor has the process back end only, so far"};
  }
  if (kvm.reached == KvmFacts::Step::kDone) {
    return {
        Verdict::kNo, "kvm",
        fmt::format("opens and runs, but a supervisor loop takes {:.0f} ns a turn (limit {:.0f}): emulated",
                    kvm.ns_per_turn, KvmFacts::kUsableNs),
        then};
  }
  static constexpr const char* kSteps[] = {"open", "create a VM", "run a guest"};
  const char* step = kSteps[std::min<std::size_t>(static_cast<std::size_t>(kvm.reached), 2)];
  return {Verdict::kNo, "kvm", fmt::format("cannot {}: {}", step, cause(kvm.error)), then};
}

CheckLine throttle_line(const HostFacts& facts) {
  if (facts.fair_server_runtime_ns && facts.fair_server_period_ns) {
    if (*facts.fair_server_runtime_ns == 0) {
      return {Verdict::kWarn, "throttle", "the fair server is off", "an overrun may starve ordinary work"};
    }
    return {
        Verdict::kOk, "throttle",
        fmt::format("fair server {} of {} ms", *facts.fair_server_runtime_ns / 1'000'000,
                    *facts.fair_server_period_ns / 1'000'000),
        "a processor that is full of real-time work loses that much at a time; admission stops well before"};
  }
  if (has_fair_server(facts.kernel_release)) {
    return {
        Verdict::kOk, "throttle",
        fmt::format("kernel {} has a fair server (settings not readable)", facts.kernel_release),
        "usually 50 of 1000 ms go to ordinary work when a processor is full; admission stops well before"};
  }
  if (facts.rt_runtime_us == -1) {
    return {Verdict::kWarn, "throttle", "real-time throttling is off", "an overrun may starve ordinary work"};
  }
  if (facts.rt_runtime_us && facts.rt_period_us) {
    return {Verdict::kOk, "throttle",
            fmt::format("real-time work may take {} of {} ms", *facts.rt_runtime_us / 1000,
                        *facts.rt_period_us / 1000),
            "it stops for the rest when a processor is full; admission stops well before"};
  }
  return {Verdict::kWarn, "throttle", "not known (/proc/sys is not readable)",
          "admission assumes the usual 95 %"};
}

CheckLine group_line(const HostFacts& facts) {
  if (!facts.rt_group_runtime_us) {
    return {Verdict::kOk, "rt-group", "no real-time group scheduling in force here",
            "SCHED_FIFO depends on privilege only"};
  }
  if (*facts.rt_group_runtime_us == 0) {
    return {Verdict::kWarn, "rt-group", "cpu.rt_runtime_us is 0 in this cgroup",
            "it refuses SCHED_FIFO, to root also"};
  }
  return {Verdict::kOk, "rt-group",
          fmt::format("cpu.rt_runtime_us is {} in this cgroup", *facts.rt_group_runtime_us),
          "real-time work of this cgroup is limited to that per period"};
}

CheckLine autogroup_line(const HostFacts& facts) {
  if (facts.autogroup.value_or(0) == 0) {
    return {Verdict::kOk, "autogroup", "off", "weights compare with every process of the host"};
  }
  return {
      Verdict::kWarn, "autogroup", "on",
      "weights compare within one session only; a VM against programs of other terminals counts by session"};
}

CheckLine preempt_line(const HostFacts& facts) {
  std::string model = facts.preempt;
  std::string source;
  if (model.empty()) {
    const std::string& version = facts.kernel_version;
    const auto has = [&](const char* word) { return version.find(word) != std::string::npos; };
    source = " (from the kernel's version line)";
    model = has("PREEMPT_RT")        ? "rt"
            : has("PREEMPT_DYNAMIC") ? "dynamic"
            : has("PREEMPT")         ? "full"
                                     : "none or voluntary";
  }
  if (model == "rt" || model == "full") {
    return {Verdict::kOk, "preemption", model + source, "long system calls of others do not delay a wake-up"};
  }
  const bool unknown = model == "dynamic";
  return {unknown ? Verdict::kOk : Verdict::kWarn, "preemption", model + source,
          unknown
              ? "chosen at boot, cannot be read here; with none, long system calls of others delay wake-ups"
              : "long system calls of others delay wake-ups; boot with preempt=full for shorter tails"};
}

CheckLine processors_line(const HostFacts& facts) {
  std::string fact =
      fmt::format("online {}, allowed {}", format_cpu_list(facts.online), format_cpu_list(facts.allowed));
  if (!facts.isolated.empty()) fact += ", isolated " + format_cpu_list(facts.isolated);
  return {facts.allowed.empty() ? Verdict::kNo : Verdict::kOk, "processors", fact,
          fmt::format("vCPUs are placed on {}", format_cpu_list(facts.allowed))};
}

CheckLine clock_line(const HostFacts& facts) {
  if (facts.clocksource == "tsc")
    return {Verdict::kOk, "clock", "clocksource tsc", "guests read the time without a call"};
  return {Verdict::kWarn, "clock",
          facts.clocksource.empty() ? "clocksource not known" : "clocksource " + facts.clocksource,
          "the kernel does not trust the time-stamp counter here; guest times may be wrong"};
}

CheckLine address_line(const HostFacts& facts) {
  if (facts.mmap_min_addr <= static_cast<std::int64_t>(CANDOR_RAM_BASE)) {
    return {Verdict::kOk, "addresses", fmt::format("mmap_min_addr {:#x}", facts.mmap_min_addr),
            "guest memory fits at 1 MiB"};
  }
  return {Verdict::kNo, "addresses", fmt::format("mmap_min_addr {:#x}", facts.mmap_min_addr),
          "guest memory at 1 MiB is forbidden: sysctl vm.mmap_min_addr=65536"};
}

// Lines that are an attempt and nothing more.
CheckLine attempt(const char* name, const char* what, int error, const char* good, Verdict bad_verdict,
                  const char* bad) {
  if (error == 0) return {Verdict::kOk, name, std::string(what) + ": possible", good};
  return {bad_verdict, name, fmt::format("{}: {}", what, cause(error)), bad};
}

CheckLine static_deadline_line(const HostFacts& facts) {
  if (facts.deadline_error != 0 && facts.floating_deadline_error == 0)
    return {Verdict::kWarn, "static-dl",
            fmt::format("SCHED_DEADLINE on one processor: {}; on all: possible", cause(facts.deadline_error)),
            "mode static-dl can run where [host] cpus are all processors; fewer need a cpuset of their own"};
  return attempt("static-dl", "SCHED_DEADLINE on one processor", facts.deadline_error,
                 "mode static-dl can run", Verdict::kNo,
                 "mode static-dl is refused; it needs root, or CAP_SYS_NICE");
}

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kNo:
      return "no";
  }
  return "?";
}

}  // namespace

CheckReport judge(const HostFacts& facts) {
  CheckReport report;
  report.lines = {
      attempt("seccomp", "filters", facts.seccomp_error, "guests are confined to a few system calls",
              Verdict::kNo, "guests cannot be confined, so none is run: start outside this container"),
      attempt("namespaces", "a PID namespace", facts.pid_namespace_error,
              "guests see no process but their own", Verdict::kNo,
              "guests cannot be confined, so none is run: run as root or permit user namespaces"),
      address_line(facts),
      {facts.fsgsbase ? Verdict::kOk : Verdict::kWarn, "fsgsbase", facts.fsgsbase ? "enabled" : "not enabled",
       facts.fsgsbase ? "guests may set fs and gs by themselves"
                      : "guests are told that they cannot set fs and gs; those made with the SDK do not"},
      ranks_line(facts),
      job_line(facts),
      static_deadline_line(facts),
      attempt("slices", "a slice of its own for an ordinary thread", facts.slice_error,
              "fair work of guests that expect little is served sooner", Verdict::kWarn,
              "fair vCPUs all have the kernel's slice: slices need Linux 6.12"),
      kvm_line(facts.kvm),
      throttle_line(facts),
      group_line(facts),
      autogroup_line(facts),
      preempt_line(facts),
      processors_line(facts),
      clock_line(facts),
  };
  report.kvm_usable = facts.kvm.usable();
  report.process_backend = facts.seccomp_error == 0 && facts.pid_namespace_error == 0 &&
                           !facts.allowed.empty() && address_line(facts).verdict == Verdict::kOk;
  report.ranks = report.process_backend && facts.fifo_error == 0;
  report.lines.push_back(
      report.ranks ? CheckLine{Verdict::kOk, "result", "VMs run, with ranks", "all of Candor works here"}
      : report.process_backend
          ? CheckLine{Verdict::kWarn, "result", "VMs run, without ranks", "no claim is punctual"}
          : CheckLine{Verdict::kNo, "result", "VMs cannot run", "see the lines marked no"});
  return report;
}

std::string to_text(const CheckReport& report) {
  std::string text;
  for (const CheckLine& line : report.lines) {
    text += fmt::format("{:<4}  {}: {} -> {}\n", word(line.verdict), line.name, line.fact, line.consequence);
  }
  return text;
}

std::string to_json(const CheckReport& report) {
  nlohmann::ordered_json json = {{"process_backend", report.process_backend},
                                 {"ranks", report.ranks},
                                 {"kvm_usable", report.kvm_usable},
                                 {"lines", nlohmann::ordered_json::array()}};
  for (const CheckLine& line : report.lines) {
    json["lines"].push_back({{"verdict", word(line.verdict)},
                             {"name", line.name},
                             {"fact", line.fact},
                             {"consequence", line.consequence}});
  }
  return json.dump(2) + "\n";
}

}  // namespace candor::cli
