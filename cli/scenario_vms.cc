// [[vm]] and [[vm.thread]] of a scenario file.
#include <filesystem>
#include <numeric>
#include <set>

#include "cli/rt_app.h"
#include "cli/scenario_reader.h"
#include "cli/scenario_steps.h"
#include "cli/task_limits.h"
#include "cli/trace_file.h"

namespace candor::cli {
namespace {

using sim::Arrival;
using sim::ThreadKind;
using sim::ThreadSpec;
using sim::VmKind;

constexpr double kVmsMax = 100'000;
constexpr Duration kForever = seconds(1'000'000);

/// Whether the key may be there; says so where it is, but has no meaning `there`.
bool applies(ConfigReader& reader, const toml::table& table, std::string_view key, bool meaningful,
             std::string_view there) {
  const toml::node* node = table.get(key);
  if (node == nullptr || meaningful) return true;
  reader.fail(*node, key, fmt::format("has no meaning {}; remove it", there));
  return false;
}

std::filesystem::path beside(const ConfigReader& reader, const std::string& path) {
  return std::filesystem::path(reader.file()).parent_path() / path;
}

std::string read_name(ConfigReader& reader, const toml::table& table, std::set<std::string>& taken,
                      std::string_view of_what) {
  std::string name = reader.string(table, "name").value_or("");
  if (!table.contains("name"))
    reader.fail(table.source(), "key \"name\" is missing; add name = \"...\"");
  else if (name.empty() || name.find_first_of(" /\"<>&\n\t") != std::string::npos)
    reader.fail(*table.get("name"), "name", "is not a name; write letters and digits without blanks");
  else if (!taken.insert(name).second)
    reader.fail(*table.get("name"), "name",
                fmt::format("belongs to an earlier {0}; give each {0} a name of its own", of_what));
  return name;
}

void read_class(ConfigReader& reader, const toml::table& table, ThreadSpec& thread) {
  static const ConfigReader::Names kNames = {"deadline", "fixed", "fair", "background"};
  static constexpr candor_class kClasses[] = {CANDOR_CLASS_DEADLINE, CANDOR_CLASS_FIXED, CANDOR_CLASS_FAIR,
                                              CANDOR_CLASS_BACKGROUND};
  if (const auto choice = reader.choice(table, "class", kNames)) thread.cls = kClasses[*choice];
  const bool fixed = thread.cls == CANDOR_CLASS_FIXED;
  if (applies(reader, table, "priority", fixed, "but with class \"fixed\""))
    thread.priority = reader.integer(table, "priority", 1, 99, 0);
  if (fixed && !table.contains("priority"))
    reader.fail(table.source(), "key \"priority\" is missing; add one from 1 to 99, higher is more urgent");
  static const ConfigReader::Names kLies = {"none", "urgent", "flapping", "impossible", "overrun"};
  if (const auto choice = reader.choice(table, "lie", kLies)) thread.lie = static_cast<sim::Lie>(*choice);
}

void read_trace(ConfigReader& reader, const toml::table& table, ThreadSpec& thread) {
  const bool traced = thread.arrival == Arrival::kTrace;
  if (!applies(reader, table, "trace", traced, "but with arrival \"trace\"") || !traced) return;
  if (!table.contains("trace"))
    return reader.fail(table.source(), "key \"trace\" is missing; add trace = \"FILE.csv\"");
  if (!table.contains("period") && !table.contains("deadline"))
    reader.fail(table.source(),
                "key \"deadline\" is missing, which arrival \"trace\" needs without a period; add deadline = "
                "\"10ms\" "
                "or another");
  if (sim::realtime(thread) && !table.contains("budget"))
    reader.fail(
        table.source(),
        "key \"budget\" is missing, which a real-time thread with a trace needs for its claim; add what its "
        "jobs take at most in a period, as budget = \"1ms\"");
  const auto file = reader.string(table, "trace");
  if (!file) return;
  auto trace = load_trace(beside(reader, *file));
  if (!trace.ok()) return reader.fail(*table.get("trace"), "trace", "cannot be used: " + trace.error());
  thread.trace = *trace;
}

void read_arrival(ConfigReader& reader, const toml::table& table, ThreadSpec& thread) {
  static const ConfigReader::Names kNames = {"always", "periodic", "sporadic", "bursty", "trace"};
  if (const auto choice = reader.choice(table, "arrival", kNames))
    thread.arrival = static_cast<Arrival>(*choice);
  else
    thread.arrival = table.contains("period") ? Arrival::kPeriodic : Arrival::kAlways;
  const bool jobs = thread.arrival != Arrival::kAlways;
  const bool traced = thread.arrival == Arrival::kTrace;
  if (applies(reader, table, "period", jobs, "with arrival \"always\""))
    thread.period = reader.duration(table, "period", kTaskPeriodMin, kTaskPeriodMax).value_or(thread.period);
  const bool realtime = thread.cls == CANDOR_CLASS_DEADLINE || thread.cls == CANDOR_CLASS_FIXED;
  if (((jobs && !traced) || realtime) && !table.contains("period"))
    reader.fail(table.source(),
                fmt::format("key \"period\" is missing, which {} needs; add period = \"10ms\" or another",
                            jobs && !traced ? "this arrival" : "a real-time thread"));
  const Duration period =
      table.contains("period") && thread.period > Duration{} ? thread.period : kTaskPeriodMax;
  if (applies(reader, table, "deadline", jobs, "with arrival \"always\""))
    thread.deadline = reader.duration(table, "deadline", kTaskPeriodMin, period).value_or(Duration{});
  if (applies(reader, table, "offset", jobs && !traced, "with this arrival"))
    thread.offset = reader.duration(table, "offset", {}, kForever).value_or(thread.offset);
  if (applies(reader, table, "spread", thread.arrival == Arrival::kSporadic, "but with arrival \"sporadic\""))
    thread.spread = reader.duration(table, "spread", {}, kTaskPeriodMax).value_or(Duration{});
  if (applies(reader, table, "burst", thread.arrival == Arrival::kBursty, "but with arrival \"bursty\""))
    thread.burst = reader.integer(table, "burst", 1, 10'000, thread.burst);
  if (applies(reader, table, "budget", realtime, "but with class \"deadline\" or \"fixed\""))
    thread.budget = reader.duration(table, "budget", microseconds(1), period).value_or(Duration{});
  if (applies(reader, table, "blocking", realtime, "but with class \"deadline\" or \"fixed\""))
    thread.blocking = reader.duration(table, "blocking", {}, period).value_or(thread.blocking);
  read_trace(reader, table, thread);
}

void read_work(ConfigReader& reader, const toml::table& table, StepNames& names, ThreadSpec& thread) {
  const bool jobs = thread.arrival != Arrival::kAlways;
  const Duration due = thread.deadline > Duration{} ? thread.deadline : thread.period;
  const bool stepwise = table.contains("steps");
  if (thread.arrival == Arrival::kTrace) {
    for (const char* key : {"work", "shortest", "steps"})
      applies(reader, table, key, false, "with arrival \"trace\", whose file says the work of each job");
    return;
  }
  if (applies(reader, table, "work", !stepwise, "beside \"steps\"")) {
    thread.work = reader.duration(table, "work", nanoseconds(1), jobs && due > Duration{} ? due : kForever)
                      .value_or(Duration{});
    if (jobs && !stepwise && !table.contains("work"))
      reader.fail(table.source(),
                  "key \"work\" is missing; add what a job takes, as work = \"1ms\", or steps");
  }
  if (applies(reader, table, "shortest", table.contains("work"), "without \"work\""))
    thread.shortest = read_number(reader, table, "shortest", {0.001, 1}, 1);
  thread.steps = read_steps(reader, table, names);
  Duration sum;
  for (const sim::Step& step : thread.steps) sum += step.time;
  if (jobs && due > Duration{} && sum > due)
    reader.fail(table.get("steps")->source(),
                fmt::format("the steps compute {}, above the limit of {} until the job is due; shorten them",
                            format_duration(sum), format_duration(due)));
}

/// Nobody may wait for what never comes.
void check_waits(ConfigReader& reader, const std::vector<const toml::table*>& tables, const VmKind& kind) {
  std::set<std::uint32_t> woken;
  for (const ThreadKind& thread : kind.threads)
    for (const sim::Step& step : thread.thread.steps)
      if (step.kind == sim::Step::Kind::kWake) woken.insert(step.target);
  for (std::uint32_t i = 0; i < kind.threads.size(); ++i) {
    const std::vector<sim::Step>& steps = kind.threads[i].thread.steps;
    const bool waits = std::any_of(steps.begin(), steps.end(),
                                   [](const sim::Step& s) { return s.kind == sim::Step::Kind::kWait; });
    if (waits && !woken.contains(i))
      reader.fail(
          tables[i]->get("steps")->source(),
          fmt::format("thread \"{0}\" waits, but no thread of its VM wakes it; add a step \"wake {0}\"",
                      kind.threads[i].thread.name));
  }
}

/// The threads of an rt-app file, behind those that the scenario describes.
void read_rt_app(ConfigReader& reader, const toml::table& vm, StepNames& names, VmKind& kind) {
  const auto file = reader.string(vm, "rt_app");
  if (!file) return;
  RtAppVm known{.name = kind.vm.name, .threads = kind.threads.size(), .locks = std::move(names.locks)};
  auto kinds = load_rt_app(beside(reader, *file), known);
  names.locks = std::move(known.locks);
  if (!kinds.ok()) {
    for (const std::string& error : kinds.error())
      reader.fail(*vm.get("rt_app"), "rt_app", "cannot be used: " + error);
    return;
  }
  for (ThreadKind& task : *kinds) {
    for (const ThreadKind& other : kind.threads)
      if (other.thread.name == task.thread.name)
        reader.fail(*vm.get("rt_app"), "rt_app",
                    fmt::format("has a task \"{}\", as a [[vm.thread]] is named; rename one of them",
                                task.thread.name));
    kind.threads.push_back(std::move(task));
  }
}

void read_threads(ConfigReader& reader, const toml::table& vm, const std::string& vm_subject,
                  const Points& points, VmKind& kind) {
  const auto tables = read_tables(reader, vm, "thread");
  if (tables.empty() && !vm.contains("rt_app"))
    return reader.fail(vm.source(),
                       "has no thread; add a table [[vm.thread]] below it, or rt_app = \"FILE.json\"");
  std::set<std::string> taken;
  StepNames names;
  for (const toml::table* table : tables) {
    const std::string name = (*table)["name"].value_or(std::string("thread"));
    reader.set_subject(fmt::format("{}, thread \"{}\"", vm_subject, name));
    reader.reject_unknown(
        *table, {"name", "set", "count", "class", "priority", "arrival", "period", "deadline", "work",
                 "shortest", "budget", "blocking", "offset", "spread", "burst", "steps", "lie", "trace"});
    kind.threads.emplace_back().thread.name = read_name(reader, *table, taken, "thread");
  }
  for (const ThreadKind& thread : kind.threads) names.threads.push_back(thread.thread.name);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    ThreadSpec& thread = kind.threads[i].thread;
    reader.set_subject(fmt::format("{}, thread \"{}\"", vm_subject, thread.name));
    thread.set = reader.string(*tables[i], "set").value_or(kind.vm.name + "/" + thread.name);
    kind.threads[i].count =
        read_scaled(reader, *tables[i], "count", points, {1, CANDOR_MAX_THREADS}, true, {});
    read_class(reader, *tables[i], thread);
    read_arrival(reader, *tables[i], thread);
    read_work(reader, *tables[i], names, thread);
  }
  reader.set_subject(vm_subject);
  if (reader.errors().empty()) check_waits(reader, tables, kind);
  read_rt_app(reader, vm, names, kind);
}

/// Sums that must hold at every point.
void check_counts(ConfigReader& reader, const toml::table& vm, const Points& points, const VmKind& kind) {
  for (const std::uint32_t processors : points.processors)
    for (const double load : points.loads) {
      const auto add = [&](std::uint32_t sum, const ThreadKind& t) {
        return sum + t.count.whole_at(processors, load);
      };
      const std::uint32_t threads = std::accumulate(kind.threads.begin(), kind.threads.end(), 0U, add);
      if (threads > CANDOR_MAX_THREADS)
        return reader.fail(vm.source(),
                           fmt::format("has {} threads with {} processors, above the limit of {}; "
                                       "lower the counts of its threads",
                                       threads, processors, CANDOR_MAX_THREADS));
      const std::uint32_t vcpus = kind.vcpus.whole_at(processors, load) + kind.realtime_vcpus.value_or(0);
      if (vcpus > CANDOR_MAX_VCPUS)
        return reader.fail(
            vm.source(),
            fmt::format("has {} vCPUs with {} processors, above the limit of {}; lower \"vcpus\" or "
                        "\"realtime_vcpus\"",
                        vcpus, processors, CANDOR_MAX_VCPUS));
    }
}

void read_only(ConfigReader& reader, const toml::table& table, const Points& points, VmKind& kind) {
  const toml::node* node = table.get("only");
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  if (list == nullptr || list->empty())
    return reader.fail(*node, "only", "is not a list; write [...] with names of the axis's values");
  if (points.labels.empty())
    return reader.fail(*node, "only", "needs a table [axis] with names as its values; add one, or remove it");
  for (const toml::node& element : *list) {
    const ConfigReader::Names known(points.labels.begin(), points.labels.end());
    const std::string text = element.value_or(std::string());
    if (const auto choice = reader.choice(element, "only", text, known)) kind.only.push_back(*choice);
  }
}

VmKind read_vm(ConfigReader& reader, const toml::table& table, const Points& points,
               std::set<std::string>& taken) {
  VmKind kind;
  const std::string subject = fmt::format("vm \"{}\"", table["name"].value_or(std::string()));
  reader.set_subject(subject);
  reader.reject_unknown(table, {"name", "count", "only", "weight", "vcpus", "realtime_vcpus", "bandwidth",
                                "max_priority", "thread", "rt_app"});
  kind.vm.name = read_name(reader, table, taken, "VM");
  kind.count = read_scaled(reader, table, "count", points, {0, kVmsMax}, true, {});
  read_only(reader, table, points, kind);
  kind.vm.weight = reader.integer(table, "weight", 1, 10'000, kind.vm.weight);
  kind.vcpus = read_scaled(reader, table, "vcpus", points, {1, CANDOR_MAX_VCPUS}, true, {});
  if (table.contains("realtime_vcpus"))
    kind.realtime_vcpus = reader.integer(table, "realtime_vcpus", 0, CANDOR_MAX_VCPUS - 1, 0);
  kind.vm.bandwidth = read_number(reader, table, "bandwidth", {0, CANDOR_MAX_VCPUS}, 0);
  kind.vm.max_priority = reader.integer(table, "max_priority", 1, 99, kind.vm.max_priority);
  read_threads(reader, table, subject, points, kind);
  reader.set_subject(subject);
  check_counts(reader, table, points, kind);
  return kind;
}

}  // namespace

std::vector<VmKind> read_vm_kinds(ConfigReader& reader, const toml::table& root, const Points& points) {
  reader.set_subject("");
  std::vector<VmKind> kinds;
  const auto tables = read_tables(reader, root, "vm");
  if (tables.empty())
    reader.fail(root.source(), "no VM is described; add a table [[vm]], or [random] for random task sets");
  std::set<std::string> taken;
  kinds.reserve(tables.size());
  for (const toml::table* table : tables) kinds.push_back(read_vm(reader, *table, points, taken));
  return kinds;
}

}  // namespace candor::cli
