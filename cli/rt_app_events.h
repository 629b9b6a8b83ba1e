// The events of an rt-app task or phase.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/rt_app_fields.h"
#include "sim/workload.h"

namespace candor::cli {

/// An event, or a part of one, as a step. What wakes others is found out once all tasks are known.
struct RtAppItem {
  sim::Step step;    // kEnd: a timer, whose period is its time
  std::string path;  // of the event
  std::string ref;   // kEnd: the timer's name; kWake: see below
  enum class Wakes { kNobody, kTask, kWaiter, kWaiters } wakes = Wakes::kNobody;
  bool absolute = false;  // of a timer
};

struct RtAppTask {
  std::string name;
  std::string path;
  std::vector<RtAppItem> items;  // of all phases and their loops
  std::string waits_for;         // kSuspend or the name of a condition; empty: nothing
  std::string waits_at;          // the path of the first such event
};

inline constexpr std::string_view kSuspend = "(suspend)";

class RtAppEvents {
 public:
  RtAppEvents(RtAppFields& fields, std::map<std::string, std::uint32_t>& locks, RtAppTask& task)
      : fields_(fields), locks_(locks), task_(task) {}

  /// One event; `key` may have a number behind its name. Adds to the task's items, or fails.
  void read(const std::string& path, const std::string& key, const OrderedJson& value);
  /// The end of a phase, or of a task without phases: no lock is held there.
  void end_phase(const std::string& path);

 private:
  void timer(const std::string& path, const OrderedJson& value);
  void lock(const std::string& path, const OrderedJson& value);
  void unlock(const std::string& path, const OrderedJson& value);
  void wait(const std::string& path, const OrderedJson& value);
  void wait_for(const std::string& path, const std::string& what);
  void wakes(const std::string& path, const OrderedJson& value, RtAppItem::Wakes whom);
  void add(const std::string& path, sim::Step::Kind kind, Duration time, std::uint32_t target = 0);

  RtAppFields& fields_;
  std::map<std::string, std::uint32_t>& locks_;
  RtAppTask& task_;
  std::vector<std::string> held_;  // locks, the last one taken last
};

}  // namespace candor::cli
