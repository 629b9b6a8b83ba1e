#include "cli/rank_trace.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/reason.h"

namespace candor::cli {
namespace {

using nlohmann::json;

const char* refusal_text(candor_refusal reason) {
  switch (reason) {
    case CANDOR_REFUSED_NOT:
      break;
    case CANDOR_REFUSED_NO_ENTITLEMENT:
      return "the VM has no real-time entitlement";
    case CANDOR_REFUSED_BANDWIDTH:
      return "the VM's reserves would exceed its bandwidth";
    case CANDOR_REFUSED_PROCESSOR:
      return "no processor has room for it";
    case CANDOR_REFUSED_PRIORITY:
      return "above the VM's ceiling priority";
    case CANDOR_REFUSED_NO_VCPU:
      return "no real-time vCPU is left";
    case CANDOR_REFUSED_INVALID:
      return "the terms contradict themselves";
    case CANDOR_REFUSED_NO_SCHEDULER:
      return "no host scheduler reads claims";
  }
  return "?";
}

}  // namespace

RankTrace::RankTrace(TraceWriter& file) : file_(file), last_(file.start()) {}

void RankTrace::add_vm(std::uint32_t number, const std::string& name_of_it) {
  vms_[number] = name_of_it;
  file_.name("process_name", process_id(number), 0, name_of_it);
}

std::uint32_t RankTrace::track(Vcpu vcpu) {
  // Viewers take numbers of threads for unique.
  const std::uint32_t id = process_id(vcpu.vm) * CANDOR_MAX_VCPUS + vcpu.number;
  if (tracks_.insert(vcpu).second)
    file_.name("thread_name", process_id(vcpu.vm), id, fmt::format("vCPU {}", vcpu.number));
  return id;
}

std::string RankTrace::thread(std::uint32_t vm, std::uint32_t slot) const {
  const auto at = threads_.find({vm, slot});
  return at == threads_.end() ? fmt::format("thread {}", slot) : at->second;
}

void RankTrace::add(const host::TraceEvent& event) {
  last_ = Time{event.at_ns};
  const auto named = [&](const char* what) {
    return fmt::format("{}: {}", thread(event.vm, event.thread), what);
  };
  switch (event.kind) {
    case host::TraceKind::kRank:
      return rank(event);
    case host::TraceKind::kAnswer:
      return answer(event);
    case host::TraceKind::kExhausted:
      return instant(event, named("budget used up"), {{"reason", host::reason_of(event.why, last_)}});
    case host::TraceKind::kReplenished:
      return instant(event, named("budget again"), json::object());
    case host::TraceKind::kMoved:
      return instant(event, "moved", {{"processor", event.processor}});
    case host::TraceKind::kOrdinary:
      return ordinary(event);
  }
}

void RankTrace::rank(const host::TraceEvent& event) {
  const Vcpu vcpu{event.vm, event.vcpu};
  if (const auto at = ranks_.find(vcpu); at != ranks_.end()) {
    slice(at->second, last_);
    ranks_.erase(at);
  }
  if (event.why.level > 0)
    ranks_.emplace(vcpu, event);
  else
    instant(event, "rank lost", {{"reason", host::reason_of(event.why, last_)}});
}

// It is said more than once of a VM: when ranks are taken back for the end, and when it has ended.
void RankTrace::ordinary(const host::TraceEvent& event) {
  const auto ended = std::erase_if(ranks_, [&](const auto& rank) {
    if (rank.first.vm == event.vm) slice(rank.second, last_);
    return rank.first.vm == event.vm;
  });
  if (ended > 0) instant(event, "all ranks taken back", json::object());
}

void RankTrace::answer(const host::TraceEvent& event) {
  threads_[{event.vm, event.thread}] =
      event.name[0] == 0 ? fmt::format("thread {}", event.thread) : std::string(event.name);
  const std::string name = thread(event.vm, event.thread);
  if (event.answer.status == CANDOR_CLAIM_ADMITTED)
    return instant(event, name + ": admitted", {{"processor", event.processor}});
  if (event.answer.status != CANDOR_CLAIM_REFUSED) return instant(event, name + ": no claim", json::object());
  json args = {{"reason", refusal_text(event.answer.reason)}};
  if (event.answer.fits_ppm > 0) args["would_fit"] = event.answer.fits_ppm / 1e6;
  instant(event, name + ": refused", args);
}

void RankTrace::slice(const host::TraceEvent& given, Time end) {
  const sched::Explanation& why = given.why;
  const Time from{given.at_ns};
  const bool fixed = why.cls == CANDOR_CLASS_FIXED;
  json args = {{"slot", given.thread},
               {"level", why.level},
               {"processor", given.processor},
               {"class", fixed ? "fixed" : "deadline"},
               {"reason", host::reason_of(why, from)}};
  if (fixed)
    args["priority"] = why.priority;
  else
    args["deadline_ms"] = static_cast<double>((why.deadline - from).ns) / 1e6;
  const auto whole_name = [&](std::uint32_t vm, std::uint32_t slot) {
    const auto at = vms_.find(vm);
    return fmt::format("{}: {}", at == vms_.end() ? fmt::format("vm {}", vm) : at->second, thread(vm, slot));
  };
  if (why.behind_thread != sched::kNone) args["behind"] = whole_name(why.behind_vm, why.behind_thread);
  if (why.ahead_thread != sched::kNone) {
    args["ahead_of"] = whole_name(why.ahead_vm, why.ahead_thread);
    args["ahead_by"] = sched::to_string(why.ahead_of_next);
  }
  file_.write({{"ph", "X"},
               {"name", thread(given.vm, given.thread)},
               {"cat", "rank"},
               {"pid", process_id(given.vm)},
               {"tid", track({given.vm, given.vcpu})},
               {"ts", file_.us(from)},
               {"dur", static_cast<double>((end - from).ns) / 1e3},
               {"args", args}});
}

// Where no vCPU is known it is the whole VM's.
void RankTrace::instant(const host::TraceEvent& event, const std::string& name, const json& args) {
  const bool whole = event.vcpu == sched::kNone;
  file_.write({{"ph", "i"},
               {"name", name},
               {"cat", "event"},
               {"s", whole ? "p" : "t"},
               {"pid", process_id(event.vm)},
               {"tid", whole ? 0 : track({event.vm, event.vcpu})},
               {"ts", file_.us(Time{event.at_ns})},
               {"args", args}});
}

void RankTrace::add_lost(std::uint64_t count) {
  if (count == 0) return;
  end(last_);
  file_.write({{"ph", "i"},
               {"name", fmt::format("{} events lost", count)},
               {"cat", "lost"},
               {"s", "g"},
               {"pid", 0},
               {"tid", 0},
               {"ts", file_.us(last_)},
               {"args", {{"count", count}}}});
}

void RankTrace::end(Time now) {
  for (const auto& [vcpu, given] : ranks_) slice(given, now);
  ranks_.clear();
}

}  // namespace candor::cli
