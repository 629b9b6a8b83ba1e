#include "cli/guest_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace candor::cli {
namespace {

using nlohmann::json;

// Viewers take numbers of tracks for unique; those of ranks lie below.
constexpr std::uint32_t kFirstTrack = 1u << 20;

double milliseconds_of(std::uint32_t ns) {
  return ns / 1e6;
}

json pending_names(std::uint32_t bits) {
  constexpr std::pair<std::uint32_t, const char*> kNames[] = {{CANDOR_PENDING_TIMER, "timer"},
                                                              {CANDOR_PENDING_NOTIFY, "notify"},
                                                              {CANDOR_PENDING_SHUTDOWN, "shutdown"},
                                                              {CANDOR_PENDING_CLAIMS, "claims"},
                                                              {CANDOR_PENDING_CONSOLE, "console"}};
  json names = json::array();
  for (const auto& [bit, name] : kNames)
    if ((bits & bit) != 0) names.push_back(name);
  return names;
}

const char* answer_name(std::uint32_t status) {
  switch (status) {
    case CANDOR_CLAIM_ADMITTED:
      return "admitted";
    case CANDOR_CLAIM_REFUSED:
      return "refused";
    case CANDOR_CLAIM_EXHAUSTED:
      return "admitted, budget used up";
    default:
      return "no claim";
  }
}

std::string thread_name(std::uint32_t slot, const GuestTrace::NameOf& name_of) {
  if (slot == CANDOR_TRACE_IDLE) return "(idle)";
  if (slot >= CANDOR_MAX_THREADS) return "(unknown)";
  std::string name = name_of(slot);
  return name.empty() ? fmt::format("thread {}", slot) : name;
}

}  // namespace

GuestTrace::Vcpu& GuestTrace::vcpu(std::uint32_t number) {
  const auto [at, added] = vcpus_.try_emplace(number);
  if (added) {
    at->second.track = kFirstTrack + process_id(vm_) * CANDOR_MAX_VCPUS + number;
    at->second.last = file_.start();
    file_.name("thread_name", process_id(vm_), at->second.track, fmt::format("vCPU {}: threads", number));
  }
  return at->second;
}

void GuestTrace::end_slice(Vcpu& vcpu, Time end) {
  if (!std::exchange(vcpu.runs, false)) return;
  file_.write({{"ph", "X"},
               {"name", vcpu.thread},
               {"cat", "dispatch"},
               {"pid", process_id(vm_)},
               {"tid", vcpu.track},
               {"ts", file_.us(vcpu.since)},
               {"dur", static_cast<double>((end - vcpu.since).ns) / 1e3},
               {"args", {{"slot", vcpu.slot}}}});
}

void GuestTrace::instant(const Vcpu& vcpu, const std::string& name, const json& args) {
  file_.write({{"ph", "i"},
               {"name", name},
               {"cat", "guest"},
               {"s", "t"},
               {"pid", process_id(vm_)},
               {"tid", vcpu.track},
               {"ts", file_.us(vcpu.last)},
               {"args", args}});
}

void GuestTrace::add(std::uint32_t number, const candor_trace& record, Time now, const NameOf& name_of) {
  Vcpu& v = vcpu(number);
  const Time t{static_cast<std::int64_t>(std::min(record.time_ns, static_cast<std::uint64_t>(now.ns)))};
  v.last = std::max(v.last, t);
  const std::uint32_t argument = record.argument;
  const std::string name = thread_name(record.thread, name_of);
  switch (record.event) {
    case CANDOR_TRACE_DISPATCH:
      end_slice(v, v.last);
      v.runs = record.thread != CANDOR_TRACE_IDLE;
      v.since = v.last;
      v.thread = name;
      v.slot = record.thread;
      break;
    case CANDOR_TRACE_WAKE:
      instant(v, name + ": woken", {{"by", thread_name(argument, name_of)}});
      break;
    case CANDOR_TRACE_BLOCK:
      instant(v, name + ": waits",
              argument == ~0u ? json::object() : json{{"at_most_ms", milliseconds_of(argument)}});
      break;
    case CANDOR_TRACE_YIELD:
      instant(v, name + ": yields", json::object());
      break;
    case CANDOR_TRACE_END:
      instant(v, name + ": ends", json::object());
      break;
    case CANDOR_TRACE_MOVE:
      instant(v, name + ": moves", {{"to_vcpu", argument}});
      break;
    case CANDOR_TRACE_UPCALL:
      instant(v, "upcall", {{"for", pending_names(argument)}});
      break;
    case CANDOR_TRACE_TIMER:
      instant(v, "timer set", {{"in_ms", milliseconds_of(argument)}});
      break;
    case CANDOR_TRACE_CLAIM:
      instant(v, name + ": answer", {{"answer", answer_name(argument & 0xff)}});
      break;
    case CANDOR_TRACE_PUBLISH:
      if (std::exchange(v.ready, argument) == argument) break;
      file_.write({{"ph", "C"},
                   {"name", fmt::format("vCPU {}: ready", number)},
                   {"pid", process_id(vm_)},
                   {"ts", file_.us(v.last)},
                   {"args", {{"threads", argument}}}});
      break;
    default:  // of a later version
      break;
  }
}

void GuestTrace::add_lost(std::uint32_t number, std::uint64_t count) {
  if (count == 0) return;
  Vcpu& v = vcpu(number);
  end_slice(v, v.last);
  instant(v, fmt::format("{} events lost", count), {{"count", count}});
}

void GuestTrace::end(Time now) {
  for (auto& [number, v] : vcpus_) end_slice(v, std::max(v.last, now));
}

}  // namespace candor::cli
