#include "cli/rt_app.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/rt_app_events.h"
#include "cli/task_limits.h"
#include "cli/trace_file.h"

namespace candor::cli {
namespace {

using sim::Arrival;
using sim::Step;
using sim::ThreadKind;
using sim::ThreadSpec;

constexpr std::uintmax_t kFileMax = kMiB;
constexpr std::size_t kStepsMax = 10'000;
constexpr Duration kDelayMax = seconds(1'000'000);
constexpr const char* kPolicies[] = {"SCHED_OTHER", "SCHED_IDLE", "SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"};
constexpr candor_class kClasses[] = {CANDOR_CLASS_FAIR, CANDOR_CLASS_BACKGROUND, CANDOR_CLASS_FIXED,
                                     CANDOR_CLASS_FIXED, CANDOR_CLASS_DEADLINE};
// Of the real process, its log and its machine: they change nothing in a model.
constexpr const char* kIgnoredGlobals[] = {"duration", "calibration", "pi_enabled",      "lock_pages",
                                           "logdir",   "log_size",    "log_basename",    "ftrace",
                                           "gnuplot",  "io_device",   "mem_buffer_size", "cumulative_slack"};

/// A task on its way to a thread.
struct Draft {
  RtAppTask task;
  ThreadKind kind;
  std::int64_t instances = 1;
  Duration delay{};
};

class Reader {
 public:
  Reader(RtAppFields& fields, RtAppVm& vm) : fields_(fields), vm_(vm) {}

  std::vector<ThreadKind> read(const OrderedJson& root) {
    if (!root.is_object())
      return fields_.fail("", root, "is not an object; write { \"tasks\" : {...} }"), kinds();
    for (const auto& [key, value] : root.items()) {
      if (key == "global")
        global(value);
      else if (key != "tasks" && key != "resources")
        fields_.fail(key, value, "belongs to an unknown key; write tasks and global only");
    }
    if (!root.contains("tasks"))
      return fields_.fail("", "tasks is missing; write { \"tasks\" : { \"NAME\" : {...} } }"), kinds();
    const OrderedJson& tasks = root["tasks"];
    if (!fields_.object("tasks", tasks)) return kinds();
    for (const auto& [name, value] : tasks.items()) task(name, value);
    if (drafts_.empty() && fields_.errors().empty())
      fields_.fail("tasks", "has no task with an instance; write { \"NAME\" : {...} }");
    // What tasks need of each other is looked at once each of them is sound.
    if (fields_.errors().empty()) check_timers();
    if (fields_.errors().empty()) finish();
    return kinds();
  }

 private:
  std::vector<ThreadKind> kinds() {
    std::vector<ThreadKind> result;
    for (Draft& draft : drafts_) result.push_back(std::move(draft.kind));
    return result;
  }

  std::size_t policy(const std::string& path, const OrderedJson& value, std::size_t fallback) {
    const auto found = std::find(std::begin(kPolicies), std::end(kPolicies), value);
    if (found != std::end(kPolicies)) return static_cast<std::size_t>(found - std::begin(kPolicies));
    fields_.fail(path, value,
                 "is no policy; write \"SCHED_OTHER\", \"SCHED_IDLE\", \"SCHED_FIFO\", \"SCHED_RR\" or "
                 "\"SCHED_DEADLINE\"");
    return fallback;
  }

  void global(const OrderedJson& value) {
    if (!fields_.object("global", value)) return;
    for (const auto& [key, field] : value.items()) {
      const std::string path = RtAppFields::below("global", key);
      if (key == "default_policy")
        default_policy_ = policy(path, field, 0);
      else if (std::find(std::begin(kIgnoredGlobals), std::end(kIgnoredGlobals), key) ==
               std::end(kIgnoredGlobals))
        fields_.fail(path, field, "belongs to an unknown key; remove it");
    }
  }

  void task(const std::string& name, const OrderedJson& value) {
    const std::string path = RtAppFields::below("tasks", name);
    if (name.empty() || name.size() > 64 || name.find_first_of(" /\"<>&\n\t") != std::string::npos)
      return fields_.fail(path, "is not a name; write up to 64 letters and digits without blanks");
    if (!fields_.object(path, value)) return;
    Draft draft;
    draft.task.name = name;
    draft.task.path = path;
    ThreadSpec& thread = draft.kind.thread;
    thread.name = name;
    thread.set = vm_.name + "/" + name;
    scheduling(path, value, thread);
    RtAppEvents events(fields_, vm_.locks, draft.task);
    const bool phased = value.contains("phases");
    for (const auto& [key, field] : value.items()) {
      const std::string at = RtAppFields::below(path, key);
      if (key == "instance")
        draft.instances = fields_.integer(at, field, 0, CANDOR_MAX_THREADS).value_or(1);
      else if (key == "delay")
        draft.delay = fields_.time(at, field, {}, kDelayMax).value_or(Duration{});
      else if (key == "loop") {
        if (field != -1)
          fields_.fail(at, field, "ends the task, and the simulator's threads do not end; write -1");
      } else if (key == "phases")
        phases(at, field, events, draft.task);
      else if (!is_scheduling(key) && phased)
        fields_.fail(at, field, "stands beside phases; move the event into one of them");
      else if (!is_scheduling(key))
        events.read(at, key, field);
    }
    events.end_phase(path);
    draft.kind.count.times = static_cast<double>(draft.instances);
    if (draft.instances > 0) drafts_.push_back(std::move(draft));
  }

  static bool is_scheduling(std::string_view key) {
    return key == "policy" || key == "priority" || key == "dl-runtime" || key == "dl-period" ||
           key == "dl-deadline";
  }

  void scheduling(const std::string& path, const OrderedJson& value, ThreadSpec& thread) {
    const auto at = [&](const char* key) { return RtAppFields::below(path, key); };
    const std::size_t chosen =
        value.contains("policy") ? policy(at("policy"), value["policy"], 0) : default_policy_;
    thread.cls = kClasses[chosen];
    const bool fixed = thread.cls == CANDOR_CLASS_FIXED, deadline = thread.cls == CANDOR_CLASS_DEADLINE;
    if (fixed) thread.priority = 10;  // rt-app's default
    if (value.contains("priority")) {
      const std::int64_t least = fixed ? 1 : 0, most = fixed ? 99 : 0;
      const auto priority = fields_.integer(at("priority"), value["priority"], least, most,
                                            fixed ? "" : fmt::format(" with {}", kPolicies[chosen]));
      thread.priority = static_cast<std::uint32_t>(priority.value_or(1));
    }
    for (const char* key : {"dl-runtime", "dl-period", "dl-deadline"})
      if (value.contains(key) && !deadline)
        fields_.fail(at(key), value[key], "has no meaning but with policy SCHED_DEADLINE; remove it");
    if (!deadline) return;
    for (const char* key : {"dl-runtime", "dl-period"})
      if (!value.contains(key))
        return fields_.fail(at(key), "is missing, which SCHED_DEADLINE needs; add it");
    thread.period = fields_.time(at("dl-period"), value["dl-period"], kTaskPeriodMin, kTaskPeriodMax)
                        .value_or(kTaskPeriodMax);
    if (value.contains("dl-deadline"))
      thread.deadline = fields_.time(at("dl-deadline"), value["dl-deadline"], kTaskPeriodMin, thread.period)
                            .value_or(Duration{});
    thread.budget = fields_.time(at("dl-runtime"), value["dl-runtime"], microseconds(1), due(thread))
                        .value_or(microseconds(1));
  }

  static Duration due(const ThreadSpec& thread) {
    return thread.deadline > Duration{} ? thread.deadline : thread.period;
  }

  void phases(const std::string& path, const OrderedJson& value, RtAppEvents& events, RtAppTask& task) {
    if (!fields_.object(path, value)) return;
    for (const auto& [name, phase] : value.items()) {
      const std::string at = RtAppFields::below(path, name);
      if (!fields_.object(at, phase)) continue;
      std::int64_t loop = 1;
      const std::size_t first = task.items.size();
      for (const auto& [key, field] : phase.items()) {
        const std::string here = RtAppFields::below(at, key);
        if (key == "loop")
          loop = fields_.integer(here, field, 1, static_cast<std::int64_t>(kStepsMax)).value_or(1);
        else if (is_scheduling(key))
          fields_.fail(here, field, "would change the scheduling on the way; set it for the whole task");
        else
          events.read(here, key, field);
      }
      events.end_phase(at);
      const std::size_t once = task.items.size() - first;
      if (task.items.size() + once * static_cast<std::size_t>(loop - 1) > kStepsMax) {
        fields_.fail(at, fmt::format("makes more than {} steps of the task's phases and loops; shorten them",
                                     kStepsMax));
        continue;
      }
      for (std::int64_t i = 1; i < loop; ++i)
        for (std::size_t k = 0; k < once; ++k) task.items.push_back(task.items[first + k]);
    }
  }

  static bool is_timer(const RtAppItem& item) { return item.step.kind == Step::Kind::kEnd; }

  // One timer, of one period and mode, for each thread of its own.
  void check_timers() {
    std::map<std::string, std::string> users;
    for (const Draft& draft : drafts_) {
      const auto& items = draft.task.items;
      const auto first = std::find_if(items.begin(), items.end(), is_timer);
      if (first == items.end()) continue;
      for (const RtAppItem& item : items)
        if (is_timer(item) && (item.ref != first->ref || item.step.time != first->step.time ||
                               item.absolute != first->absolute))
          return fields_.fail(item.path,
                              fmt::format("differs from {}; a task may have one timer, with one ref, period "
                                          "and mode",
                                          first->path));
      if (!is_timer(items.back()))
        return fields_.fail(items.back().path,
                            "comes after the last timer; move the timer to the end, where a job is over");
      if (first->ref.starts_with("unique")) continue;
      if (draft.instances > 1)
        return fields_.fail(first->path, fmt::format("is shared by {} instances; write \"unique\" as its ref",
                                                     draft.instances));
      if (const auto [user, added] = users.try_emplace(first->ref, first->path); !added)
        return fields_.fail(first->path,
                            fmt::format("is shared with {}; write \"unique\" as its ref", user->second));
    }
  }

  void finish() {
    for (Draft& draft : drafts_) {
      arrival(draft);
      for (const RtAppItem& item : draft.task.items) step(item, draft);
      work(draft);
    }
    check_waits();
  }

  void arrival(Draft& draft) {
    ThreadSpec& thread = draft.kind.thread;
    RtAppTask& task = draft.task;
    if (task.items.empty()) return fields_.fail(task.path, "has no event; add \"run\" : 1000 or another");
    if (!is_timer(task.items.back())) {
      if (sim::realtime(thread))
        return fields_.fail(task.path,
                            "is real-time but has no timer, which says when it has work again; add "
                            "\"timer\" : { \"ref\" : \"unique\", \"period\" : 20000 } as its last event");
      if (draft.delay > Duration{})
        fields_.fail(RtAppFields::below(task.path, "delay"), "has no meaning without a timer; remove it");
      return;
    }
    const RtAppItem timer = std::move(task.items.back());
    task.items.pop_back();  // the last step ends a job by itself
    if (thread.cls == CANDOR_CLASS_DEADLINE && thread.period != timer.step.time)
      return fields_.fail(timer.path, fmt::format("has another period than dl-period, {}us; write the same",
                                                  thread.period.ns / 1000));
    thread.arrival = timer.absolute ? Arrival::kPeriodic : Arrival::kRelative;
    thread.period = timer.step.time;
    thread.offset = draft.delay;
  }

  void step(const RtAppItem& item, Draft& draft) {
    std::vector<Step>& steps = draft.kind.thread.steps;
    if (item.wakes == RtAppItem::Wakes::kNobody) return steps.push_back(item.step);
    std::size_t found = 0;
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      const RtAppTask& other = drafts_[i].task;
      const bool it = item.wakes == RtAppItem::Wakes::kTask
                          ? other.name == item.ref && other.waits_for == kSuspend
                          : other.waits_for == item.ref;
      if (!it) continue;
      ++found;
      woken_.insert(i);
      steps.push_back(
          {.kind = Step::Kind::kWake, .time = {}, .target = static_cast<std::uint32_t>(vm_.threads + i)});
    }
    if (found == 0)
      fields_.fail(item.path,
                   fmt::format("wakes nobody: no task {} \"{}\"; mend the name or remove it",
                               item.wakes == RtAppItem::Wakes::kTask ? "suspends that is named" : "waits for",
                               item.ref));
    if (found > 1 && item.wakes == RtAppItem::Wakes::kWaiter)
      fields_.fail(item.path,
                   fmt::format("could wake one of {} tasks that wait for \"{}\"; write \"broad\", or give "
                               "each a condition of its own",
                               found, item.ref));
  }

  void check_waits() {
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      const RtAppTask& task = drafts_[i].task;
      if (task.waits_for.empty()) continue;
      if (drafts_[i].instances > 1)
        fields_.fail(task.waits_at,
                     fmt::format("is done by {} instances; write a task for each", drafts_[i].instances));
      else if (!woken_.contains(i))
        fields_.fail(task.waits_at,
                     "waits, but no task wakes it; add a signal, broad or resume to another task");
    }
  }

  // The processor time of its jobs; what takes no time would go round without end.
  void work(Draft& draft) {
    ThreadSpec& thread = draft.kind.thread;
    if (!fields_.errors().empty()) return;
    Duration most, job;
    bool idle = false;
    for (const Step& step : thread.steps) {
      if (step.kind == Step::Kind::kCompute) job += step.time;
      if (step.kind != Step::Kind::kEnd) continue;
      idle = idle || job == Duration{};
      most = std::max(most, job);
      job = Duration{};
    }
    most = std::max(most, job);
    if (idle || job == Duration{})
      return fields_.fail(draft.task.path,
                          "has a job or round that takes no processor time; add \"run\" : 1000");
    if (thread.arrival != Arrival::kAlways && most > due(thread))
      return fields_.fail(draft.task.path,
                          fmt::format("a job runs {}us, above the limit of {}us until it is due; shorten it",
                                      most.ns / 1000, due(thread).ns / 1000));
    if (thread.cls == CANDOR_CLASS_FIXED) thread.budget = most;
    if (thread.steps.size() > 1) return;
    thread.work = most;
    thread.steps.clear();
  }

  RtAppFields& fields_;
  RtAppVm& vm_;
  std::size_t default_policy_ = 0;
  std::vector<Draft> drafts_;
  std::set<std::size_t> woken_;
};

}  // namespace

Result<std::vector<ThreadKind>, std::vector<std::string>> parse_rt_app(std::string_view text,
                                                                       const std::filesystem::path& file,
                                                                       RtAppVm& vm) {
  RtAppFields fields(file.string());
  const auto root = parse_ordered_json(text);
  if (!root.ok()) {
    fields.fail("", root.error());
    return Error{std::move(fields.errors())};
  }
  std::vector<ThreadKind> kinds = Reader(fields, vm).read(*root);
  if (!fields.errors().empty()) return Error{std::move(fields.errors())};
  return kinds;
}

Result<std::vector<ThreadKind>, std::vector<std::string>> load_rt_app(const std::filesystem::path& file,
                                                                      RtAppVm& vm) {
  const auto text = read_whole(file, kFileMax);
  if (!text.ok()) return Error{std::vector<std::string>{text.error()}};
  return parse_rt_app(*text, file, vm);
}

}  // namespace candor::cli
