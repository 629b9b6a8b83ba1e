#include "cli/rt_app_events.h"

#include <algorithm>

#include "abi/candor.h"
#include "cli/task_limits.h"

namespace candor::cli {
namespace {

using sim::Step;

constexpr Duration kTimeMax = seconds(100);
constexpr const char* kSupported =
    "supported are run, runtime, sleep, timer, lock, unlock, wait, signal, broad, suspend and resume, each "
    "with a "
    "number behind it if there are several";

// rt-app itself looks at the beginning of a key only, and would take "runn" for "run".
std::string_view event_of(std::string_view key) {
  return key.substr(0, key.find_last_not_of("0123456789") + 1);
}

const char* remedy_of(std::string_view event) {
  if (event == "sync") return "write lock, signal, wait and unlock instead; ";
  if (event == "barrier") return "let tasks suspend and another one resume them; ";
  if (event == "mem" || event == "memrun" || event == "iorun")
    return "write run with the time that it takes; ";
  if (event == "fork") return "the simulator's threads are all there from the start; ";
  if (event == "period" || event == "deadline") return "write dl-period and dl-deadline; ";
  if (event == "cpus") return "guests place their threads themselves, so remove it; ";
  return "";
}

}  // namespace

void RtAppEvents::add(const std::string& path, Step::Kind kind, Duration time, std::uint32_t target) {
  RtAppItem item;
  item.step = {.kind = kind, .time = time, .target = target};
  item.path = path;
  task_.items.push_back(std::move(item));
}

void RtAppEvents::read(const std::string& path, const std::string& key, const OrderedJson& value) {
  const std::string_view event = event_of(key);
  if (event == "run" || event == "runtime" || event == "sleep") {
    const auto time = fields_.time(path, value, microseconds(1), kTimeMax);
    if (time) add(path, event == "sleep" ? Step::Kind::kSleep : Step::Kind::kCompute, *time);
    return;
  }
  if (event == "timer") return timer(path, value);
  if (event == "lock") return lock(path, value);
  if (event == "unlock") return unlock(path, value);
  if (event == "wait") return wait(path, value);
  if (event == "signal") return wakes(path, value, RtAppItem::Wakes::kWaiter);
  if (event == "broad") return wakes(path, value, RtAppItem::Wakes::kWaiters);
  if (event == "resume") return wakes(path, value, RtAppItem::Wakes::kTask);
  if (event == "suspend") {
    const auto name = fields_.string(path, value);
    if (name && !name->empty() && *name != task_.name)
      return fields_.fail(path, value, "names another task; write \"\" or this task's own name");
    if (name) wait_for(path, std::string(kSuspend));
    return;
  }
  fields_.fail(path, value,
               fmt::format("belongs to a key that is not supported; {}{}", remedy_of(event), kSupported));
}

void RtAppEvents::end_phase(const std::string& path) {
  if (held_.empty()) return;
  fields_.fail(path,
               fmt::format("lock \"{0}\" is still held at the end; add \"unlock\" : \"{0}\"", held_.back()));
  held_.clear();
}

void RtAppEvents::timer(const std::string& path, const OrderedJson& value) {
  if (!fields_.object(path, value)) return;
  RtAppItem item;
  item.path = path;
  item.step.kind = Step::Kind::kEnd;
  bool sound = true;
  for (const auto& [key, field] : value.items()) {
    const std::string at = RtAppFields::below(path, key);
    if (key == "ref") {
      item.ref = fields_.string(at, field).value_or("");
    } else if (key == "period") {
      const auto period = fields_.time(at, field, kTaskPeriodMin, kTaskPeriodMax);
      sound = sound && period;
      item.step.time = period.value_or(Duration{});
    } else if (key == "mode" && (field == "relative" || field == "absolute")) {
      item.absolute = field == "absolute";
    } else {
      sound = false;
      fields_.fail(at, field,
                   key == "mode" ? "is no mode; write \"relative\" or \"absolute\""
                                 : "belongs to an unknown key; write ref, period and mode only");
    }
  }
  if (!sound) return;
  if (item.ref.empty() || item.step.time <= Duration{})
    return fields_.fail(path, "ref or period is missing; write { \"ref\" : \"unique\", \"period\" : 20000 }");
  if (!held_.empty())
    return fields_.fail(
        path,
        fmt::format("lock \"{}\" is held when the timer is waited for; unlock it before", held_.back()));
  task_.items.push_back(std::move(item));
}

void RtAppEvents::lock(const std::string& path, const OrderedJson& value) {
  const auto name = fields_.string(path, value);
  if (!name) return;
  if (std::find(held_.begin(), held_.end(), *name) != held_.end())
    return fields_.fail(path, value, "is held already; unlock it first");
  const auto [lock, added] = locks_.try_emplace(*name, static_cast<std::uint32_t>(locks_.size()));
  if (added && locks_.size() > CANDOR_MAX_LOCKS)
    return fields_.fail(path, value,
                        fmt::format("is one lock more than the limit of {}; share some", CANDOR_MAX_LOCKS));
  held_.push_back(*name);
  add(path, Step::Kind::kLock, {}, lock->second);
}

void RtAppEvents::unlock(const std::string& path, const OrderedJson& value) {
  const auto name = fields_.string(path, value);
  if (!name) return;
  if (held_.empty() || held_.back() != *name)
    return fields_.fail(path, value,
                        held_.empty()
                            ? "is not held; lock it before"
                            : fmt::format("is released out of turn; unlock \"{}\" before, since the last "
                                          "lock taken is released first",
                                          held_.back()));
  held_.pop_back();
  add(path, Step::Kind::kUnlock, {}, locks_.at(*name));
}

void RtAppEvents::wait(const std::string& path, const OrderedJson& value) {
  if (!fields_.object(path, value)) return;
  std::string ref, mutex;
  for (const auto& [key, field] : value.items()) {
    const std::string at = RtAppFields::below(path, key);
    if (key == "ref" || key == "mutex")
      (key == "ref" ? ref : mutex) = fields_.string(at, field).value_or("");
    else
      fields_.fail(at, field, "belongs to an unknown key; write ref and mutex only");
  }
  if (ref.empty() || mutex.empty())
    return fields_.fail(path, "ref or mutex is missing; write { \"ref\" : \"...\", \"mutex\" : \"...\" }");
  if (held_.size() != 1 || held_.back() != mutex)
    return fields_.fail(
        path, fmt::format("needs mutex \"{0}\" held, and no other; write \"lock\" : \"{0}\" before", mutex));
  const std::uint32_t lock = locks_.at(mutex);
  add(path, Step::Kind::kUnlock, {}, lock);
  wait_for(path, ref);
  add(path, Step::Kind::kLock, {}, lock);
}

void RtAppEvents::wait_for(const std::string& path, const std::string& what) {
  if (!held_.empty() && what == kSuspend)
    return fields_.fail(path, fmt::format("lock \"{}\" is held; unlock it before", held_.back()));
  if (!task_.waits_for.empty() && task_.waits_for != what)
    return fields_.fail(
        path, fmt::format("waits for something else than {} does; a task may wait for one condition, "
                          "or suspend, so divide it in two",
                          task_.waits_at));
  task_.waits_for = what;
  if (task_.waits_at.empty()) task_.waits_at = path;
  add(path, Step::Kind::kWait, {});
}

void RtAppEvents::wakes(const std::string& path, const OrderedJson& value, RtAppItem::Wakes whom) {
  const auto name = fields_.string(path, value);
  if (!name) return;
  add(path, Step::Kind::kWake, {});
  task_.items.back().ref = *name;
  task_.items.back().wakes = whom;
}

}  // namespace candor::cli
