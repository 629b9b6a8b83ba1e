// `candor check`: what this host can do, line by line, and what follows from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/probe.h"

namespace candor::cli {

/// What was found, before any judgement.
struct HostFacts {
  std::string kernel_release;  // uname -r
  std::string kernel_version;  // uname -v
  bool cap_sys_nice = false;
  int fifo_error = 0;               // errno of each attempt, 0: possible
  int deadline_error = 0;           // of a thread pinned to one processor
  int floating_deadline_error = 0;  // of one that may use all that this process may
  int slice_error = 0;              // EOPNOTSUPP: accepted, but not obeyed
  int pid_namespace_error = 0;
  int seccomp_error = 0;
  std::optional<Duration> job_overhead;  // host/job_cost.h
  int job_overhead_error = 0;            // why not, errno; 0 also where ranks are not permitted
  KvmFacts kvm;
  std::optional<std::int64_t> rt_runtime_us;  // -1: no throttle
  std::optional<std::int64_t> rt_period_us;
  std::optional<std::int64_t> fair_server_runtime_ns;
  std::optional<std::int64_t> fair_server_period_ns;
  std::optional<std::int64_t> rt_group_runtime_us;  // of this process's cgroup, where real-time groups exist
  std::optional<std::int64_t> autogroup;
  std::string preempt;  // one of none, voluntary, full, lazy, rt; empty: not known
  std::vector<int> online, allowed, isolated;
  std::string clocksource;
  std::int64_t mmap_min_addr = 0;
  bool fsgsbase = false;
};

/// Reads the files below `root` only ("/" but in tests) and makes no attempts.
HostFacts read_host_files(const std::filesystem::path& root);
/// Everything: files, processor, and attempts in child processes.
HostFacts gather_host_facts();

enum class Verdict { kOk, kWarn, kNo };

struct CheckLine {
  Verdict verdict;
  std::string name;
  std::string fact;
  std::string consequence;
};

struct CheckReport {
  std::vector<CheckLine> lines;
  bool process_backend = false;  // VMs can run at all
  bool ranks = false;            // and admitted claims can hold real-time ranks
  bool kvm_usable = false;

  /// 0: VMs can run, if need be without ranks. 3: they cannot.
  [[nodiscard]] int exit_status() const { return process_backend ? 0 : 3; }
};

/// Pure: the same facts give the same report.
CheckReport judge(const HostFacts& facts);

std::string to_text(const CheckReport& report);
std::string to_json(const CheckReport& report);

}  // namespace candor::cli
