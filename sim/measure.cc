#include "sim/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace candor::sim {
namespace {

double ms_of(Duration time) {
  return static_cast<double>(time.ns) / 1e6;
}

double seconds_of(Duration time) {
  return static_cast<double>(time.ns) / 1e9;
}

std::optional<double> ratio(double part, double whole) {
  if (!(whole > 0)) return std::nullopt;
  return part / whole;
}

std::optional<double> percent(double part, double whole) {
  const auto of_one = ratio(part, whole);
  return of_one ? std::optional(100 * *of_one) : std::nullopt;
}

bool realtime(const SetResult& set) {
  return set.cls == CANDOR_CLASS_DEADLINE || set.cls == CANDOR_CLASS_FIXED;
}

std::optional<double> value_of_set(Measure measure, const Point& point, const SetResult& set) {
  const auto jobs = static_cast<double>(set.jobs);
  // Where jobs have no such time because they never end, it is infinite.
  const auto time = [&set](std::optional<Duration> value) {
    if (!has_jobs(set)) return std::optional<double>();
    return std::optional(value ? ms_of(*value) : std::numeric_limits<double>::infinity());
  };
  switch (measure) {
    case Measure::kMisses:
      return realtime(set) ? percent(static_cast<double>(set.misses), jobs) : std::nullopt;
    case Measure::kResponseP99:
      return time(quantile(set, set.response, 0.99));
    case Measure::kResponseMax:
      return time(longest(set, set.response));
    case Measure::kWakeupP99:
      return time(quantile(set, set.wakeup, 0.99));
    case Measure::kWakeupMax:
      return time(longest(set, set.wakeup));
    case Measure::kGap:
      return ms_of(set.longest_gap);
    case Measure::kRounds:
      return ratio(jobs, seconds_of(point.sum.duration));
    case Measure::kWork:
      return percent(seconds_of(set.work), seconds_of(point.sum.duration) * point.processors);
    default:
      return std::nullopt;
  }
}

std::optional<double> value_of_point(Measure measure, const Point& point) {
  const RunResult& sum = point.sum;
  const double elapsed = seconds_of(sum.duration);
  const auto rate = [elapsed](std::uint64_t count) { return ratio(static_cast<double>(count), elapsed); };
  switch (measure) {
    case Measure::kMet:
      return percent(point.met, point.runs);
    case Measure::kRefused:
      return percent(point.refused, point.runs);
    case Measure::kHarmful:
      return rate(sum.harmful);
    case Measure::kPreemptions:
      return rate(sum.preemptions);
    case Measure::kSwitches:
      return rate(sum.switches);
    case Measure::kMigrations:
      return rate(sum.migrations);
    case Measure::kOverhead:
      return percent(seconds_of(sum.overhead), elapsed * point.processors);
    case Measure::kEvents:
      return rate(sum.events);
    case Measure::kCost:
      return ratio(point.wall_s, elapsed);
    default:
      return std::nullopt;
  }
}

}  // namespace

const std::vector<MeasureInfo>& all_measures() {
  static const std::vector<MeasureInfo> kAll = {
      {Measure::kMet, "met", "Runs in which every deadline is met", "%",
       "the part of all runs in which no deadline was missed; more is better", false, true},
      {Measure::kRefused, "refused", "Runs in which a claim is refused", "%",
       "the part of all runs in which the scheduler did not promise everything that was asked for", false,
       true},
      {Measure::kMisses, "misses", "Deadlines missed", "%",
       "the part of all jobs that ended late or not at all; less is better, and none is the aim", true, true},
      {Measure::kResponseP99, "response-p99", "Response time, 99th percentile", "ms",
       "from the release of a job to its end, which 99 of 100 jobs do not exceed; less is better", true,
       false},
      {Measure::kResponseMax, "response", "Longest response time", "ms",
       "from the release of a job to its end, in the worst case seen; less is better", true, false},
      {Measure::kWakeupP99, "wakeup-p99", "Wake-up latency, 99th percentile", "ms",
       "from the release of a job to its first instruction, which 99 of 100 jobs do not exceed; less is "
       "better",
       true, false},
      {Measure::kWakeupMax, "wakeup", "Longest wake-up latency", "ms",
       "from the release of a job to its first instruction, in the worst case seen; less is better", true,
       false},
      {Measure::kGap, "delay", "Longest delay", "ms",
       "the longest time for which a thread that was ready got no processor; less is better", true, false},
      {Measure::kRounds, "rounds", "Throughput", "rounds/s",
       "how many rounds or jobs all threads of the set finish in a second; more is better", true, false},
      {Measure::kWork, "work", "Processor time used", "%",
       "the part of all processors' time that the threads of the set got", true, true},
      {Measure::kHarmful, "harmful", "Harmful preemptions", "/s",
       "how often in a second a virtual processor lost its processor while it held a lock; less is better",
       false, false},
      {Measure::kPreemptions, "preemptions", "Preemptions", "/s",
       "how often in a second a virtual processor lost its processor with work left", false, false},
      {Measure::kSwitches, "switches", "Switches", "/s",
       "how often in a second a processor went from one virtual processor to another", false, false},
      {Measure::kMigrations, "migrations", "Migrations", "/s",
       "how often in a second a virtual processor went on on another processor", false, false},
      {Measure::kOverhead, "overhead", "Time the host takes", "%",
       "the part of all processors' time that went into switching and deciding; less is better", false, true},
      {Measure::kEvents, "events", "Simulated events", "/s",
       "how many events the simulator handled for a second of virtual time", false, false},
      {Measure::kCost, "cost", "Cost of a virtual second", "s",
       "how long this machine took to simulate one second; less is better, and it differs from run to run",
       false, false},
  };
  return kAll;
}

const MeasureInfo& info(Measure measure) {
  return all_measures()[static_cast<std::size_t>(measure)];
}

std::optional<double> value_of(Measure measure, const Point& point, const SetResult* set) {
  if (!info(measure).of_set) return value_of_point(measure, point);
  return set != nullptr ? value_of_set(measure, point, *set) : std::nullopt;
}

bool has_jobs(const SetResult& set) {
  return set.response.count() > 0 || set.wakeup.count() > 0 || set.misses > 0;
}

std::optional<Duration> quantile(const SetResult& set, const Histogram& times, double part) {
  if (times.count() >= set.jobs) return times.quantile(part);
  const double part_of_ended = part * static_cast<double>(set.jobs) / static_cast<double>(times.count());
  return part_of_ended <= 1 ? std::optional(times.quantile(part_of_ended)) : std::nullopt;
}

std::optional<Duration> longest(const SetResult& set, const Histogram& times) {
  if (times.count() >= set.jobs) return times.max();
  if (set.jobs - times.count() > set.threads) return std::nullopt;
  return std::max(times.max(), set.longest_gap);
}

const SetResult* find_set(const Point& point, std::string_view set) {
  const auto found = std::find_if(point.sum.sets.begin(), point.sum.sets.end(),
                                  [set](const SetResult& s) { return s.set == set; });
  return found != point.sum.sets.end() ? &*found : nullptr;
}

std::string readable(double value) {
  if (std::isinf(value)) return "never";
  const double size = std::fabs(value);
  if (size == 0) return "0";
  if (size < 999.5) {
    // Digits behind the point so that three count, and no zeros at their end.
    const int whole = static_cast<int>(std::floor(std::log10(size))) + 1;
    std::string text = fmt::format("{:.{}f}", value, std::max(0, 3 - whole));
    if (text.find('.') != std::string::npos) {
      text.erase(text.find_last_not_of('0') + 1);
      if (text.back() == '.') text.pop_back();
    }
    return text;
  }
  const std::string digits = fmt::format("{:.0f}", size);
  std::string text = value < 0 ? "-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ' ';
    text += digits[i];
  }
  return text;
}

}  // namespace candor::sim
