// What a simulation found. Plain data: reports are made of it, and checkers read it as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "sim/histogram.h"
#include "sim/workload.h"

namespace candor::sim {

/// The threads of one set (ThreadSpec::set) together.
struct SetResult {
  std::string set;
  candor_class cls = CANDOR_CLASS_NONE;
  std::uint64_t threads = 0;
  std::uint64_t jobs = 0;     // that ended, or should have within the run; rounds of Arrival::kAlways threads
  std::uint64_t misses = 0;   // of jobs: ended late, or not at all though due within the run
  std::uint64_t refused = 0;  // threads whose claim was not admitted
  Duration work;              // processor time that its threads got
  Histogram response;         // from release to end; empty for Arrival::kAlways
  Histogram wakeup;           // from release to the first instruction
  Duration longest_gap;       // for which one of its ready threads got no processor
};

struct VmResult {
  std::string name;
  std::uint32_t weight = 0;
  Duration work;  // of its threads
};

/// One run of one workload under one policy.
struct RunResult {
  Duration duration;              // virtual
  std::vector<SetResult> sets;    // in the order of their first threads
  std::vector<VmResult> vms;      // in the workload's order
  std::uint64_t events = 0;       // that the simulator handled
  std::uint64_t switches = 0;     // between vCPUs
  std::uint64_t migrations = 0;   // of vCPUs between processors
  std::uint64_t preemptions = 0;  // of a vCPU that was not at its end
  std::uint64_t harmful = 0;      // of these: while it held a lock
  std::uint64_t decisions = 0;    // of the composite scheduler
  std::uint64_t rank_changes = 0;
  Duration overhead;  // processor time that the host took
  Duration idle;      // of all processors together

  [[nodiscard]] std::uint64_t realtime_misses() const {
    std::uint64_t sum = 0;
    for (const SetResult& s : sets)
      if (s.cls == CANDOR_CLASS_DEADLINE || s.cls == CANDOR_CLASS_FIXED) sum += s.misses;
    return sum;
  }
};

/// All runs of one policy at one point of a scenario's axes, added up.
struct Point {
  Policy policy = Policy::kComposite;
  std::uint32_t processors = 0;
  double load = 0;            // the scenario's axis: utilisation, overcommitment, number of VMs
  std::uint32_t runs = 0;     // task sets that were run
  std::uint32_t met = 0;      // of these: no deadline was missed
  std::uint32_t refused = 0;  // of these: a claim was not admitted, or an interface did not fit
  double wall_s = 0;          // that the runs took; not part of what a seed determines
  RunResult sum;
};

struct ScenarioResult {
  std::string name;
  std::string title;                // what the picture is headed
  std::string axis;                 // what `load` is, with its unit; empty where there is one load only
  std::vector<std::string> labels;  // of loads 0, 1, 2, ..., where they have names
  std::uint64_t seed = 0;
  std::vector<Point> points;  // by processors, policy, load
};

}  // namespace candor::sim
