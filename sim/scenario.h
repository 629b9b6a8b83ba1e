// A question to the simulator: which workloads, at which points, under which policies. Plain data, made of
// files by cli/scenario.h. docs/simulator.md describes the files.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "sim/measure.h"
#include "sim/workload.h"

namespace candor::sim {

/// A number that may grow from point to point.
struct Scaled {
  double times = 1;
  bool by_load = false;        // multiplied by the axis's value
  bool by_processors = false;  // multiplied by the number of processors

  [[nodiscard]] double at(std::uint32_t processors, double load) const {
    return times * (by_load ? load : 1) * (by_processors ? processors : 1);
  }
  [[nodiscard]] std::uint32_t whole_at(std::uint32_t processors, double load) const {
    return static_cast<std::uint32_t>(std::lround(at(processors, load)));
  }
};

/// Threads that differ in their numbers only: "name", or "name-1", "name-2", ... where there are several.
struct ThreadKind {
  Scaled count;
  ThreadSpec thread;  // a Step::Kind::kWake names another kind: its thread of the same number, counted round
};

/// VMs that differ in their numbers only, named as threads are.
struct VmKind {
  Scaled count;
  std::vector<std::size_t> only;  // the loads' indices at which there are such VMs; empty: all
  VmSpec vm;                      // without its vcpus and threads
  Scaled vcpus;
  std::optional<std::uint32_t> realtime_vcpus;  // else one for each real-time thread
  std::vector<ThreadKind> threads;
};

/// Task sets made at random, with unbiased utilisations, in place of VMs (random_sets.h).
struct RandomSets {
  Scaled utilisation;  // of all processors: 1 is the whole machine
  Scaled vms;
  Scaled tasks;         // of all VMs together
  double task_max = 1;  // the most that one task uses of a processor
  Duration period_min = milliseconds(1);
  Duration period_max = milliseconds(100);
  double deadline_min = 1;  // 1: deadlines are periods; below: they may come that much earlier
};

/// What changes from point to point besides the number of processors.
struct Axis {
  std::string name;  // with its unit
  std::vector<double> values = {0};
  std::vector<std::string> labels;  // where values have names they are 0, 1, 2, ...
};

/// One measure to show; of one set, or of each that has it.
struct Shown {
  Measure measure = Measure::kMet;
  std::string set;
  std::string title;            // empty: the measure's
  std::optional<double> limit;  // a value to compare with, in the measure's unit
};

struct Scenario {
  std::string name;
  std::string title;
  std::uint64_t seed = 1;
  Duration duration = seconds(10);  // virtual, of each run
  std::uint32_t runs = 1;           // at each point, under each policy
  bool until_miss = false;          // a run ends with its first miss
  std::vector<std::uint32_t> processors = {1};
  std::vector<Policy> policies;  // never empty
  std::optional<Axis> axis;
  MachineSpec machine;               // but for its processors
  std::optional<RandomSets> random;  // else vms
  std::vector<VmKind> vms;
  std::vector<Shown> shown;  // empty: what suits the scenario

  /// The axis's values; one where there is no axis.
  [[nodiscard]] std::vector<double> loads() const { return axis ? axis->values : std::vector<double>{0}; }
};

}  // namespace candor::sim
