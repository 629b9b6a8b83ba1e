// What tables and pictures show of a result: names, units, and values.
#pragma once

#include <optional>
#include <string_view>

#include "sim/result.h"

namespace candor::sim {

enum class Measure {
  kMet,
  kRefused,
  kMisses,
  kResponseP99,
  kResponseMax,
  kWakeupP99,
  kWakeupMax,
  kGap,
  kRounds,
  kWork,
  kHarmful,
  kPreemptions,
  kSwitches,
  kMigrations,
  kOverhead,
  kEvents,
  kCost,
};

struct MeasureInfo {
  Measure measure;
  const char* key;      // in scenario files
  const char* title;    // of a table or picture
  const char* unit;     // after a number: "%", "ms", "/s"
  const char* reading;  // for people: what a value is, and which is good
  bool of_set;          // each thread set has a value of its own; else the point has one
  bool part;            // of a whole: from 0 to 100 %
};

/// Of every measure.
const MeasureInfo& info(Measure measure);

/// All of them.
const std::vector<MeasureInfo>& all_measures();

/// In the measure's unit; nothing where the set or point has no such thing; infinity for a time that did not
/// end. `set` is needed where
/// info(measure).of_set says so.
std::optional<double> value_of(Measure measure, const Point& point, const SetResult* set);

/// Whether its threads have jobs, which are released and end.
bool has_jobs(const SetResult& set);

/// The time that `part` of all jobs of the set do not exceed, where `times` are of those that got so far.
/// Jobs that did not within the run count as longer than all that did: nothing if it is one of these.
std::optional<Duration> quantile(const SetResult& set, const Histogram& times, double part);

/// The longest of `times`, or how long a thread was without a processor if its job did not get so far.
/// Nothing where more jobs did not than threads can have had under way: some never will.
std::optional<Duration> longest(const SetResult& set, const Histogram& times);

/// The set of that name; null if the point has none.
const SetResult* find_set(const Point& point, std::string_view set);

/// Three digits that count, "1 234 567" from a thousand on, "never" for infinity. For people; always the same
/// text for the same number.
std::string readable(double value);

}  // namespace candor::sim
