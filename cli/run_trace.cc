#include "cli/run_trace.h"

#include <utility>

#include "cli/log.h"
#include "vmm/clock.h"

namespace candor::cli {
namespace {

Time clock_now() {
  return Time{static_cast<std::int64_t>(vmm::monotonic_ns())};
}

}  // namespace

RunTrace::RunTrace(const std::filesystem::path& path, std::string_view ranks)
    : file_(path), writer_(file_, clock_now(), ranks), ranks_(writer_) {}

void RunTrace::add_vm(std::uint32_t vm, const std::string& name) {
  names_[vm] = name;
  ranks_.add_vm(vm, name);
}

void RunTrace::add_guest(std::uint32_t vm, vmm::VmMemory memory, std::uint64_t ram_bytes,
                         std::uint32_t vcpus) {
  auto reader = vmm::GuestTraceReader::open(std::move(memory), ram_bytes, vcpus);
  if (reader.ok())
    guests_.try_emplace(vm, std::move(*reader), GuestTrace(writer_, vm));
  else
    say("vm \"{}\": its guest is not traced: {}", names_[vm], reader.error());
}

void RunTrace::follow(host::SchedulerClient* scheduler) {
  if (scheduler != nullptr) {
    if (const auto news = scheduler->trace(); news.ok()) {
      ranks_.add_lost(news->lost);
      for (const host::TraceEvent& event : news->events) ranks_.add(event);
    }
    // Else the next answer says how much of it is lost, or there is none as the scheduler is dead.
  }
  for (auto& [vm, guest] : guests_) follow_guest(vm, guest);
  written_ = writer_.flush() && written_;
}

void RunTrace::follow_guest(std::uint32_t vm, Guest& guest) {
  const auto name_of = [&](std::uint32_t slot) { return guest.reader.thread_name(slot); };
  for (std::uint32_t v = 0; v < guest.reader.vcpus(); v++) {
    // The rest of what it may is for the other vCPUs, too.
    const std::int64_t allowed = guest.meter.left(clock_now()) / (guest.reader.vcpus() - v);
    const auto news = guest.reader.take(v, static_cast<std::uint64_t>(allowed));
    const Time now = clock_now();
    guest.meter.use(static_cast<std::int64_t>(news.records.size()), now);
    if (news.wrong)
      say("vm \"{}\": what its vCPU {} announces as its trace is none; it is not read any more", names_[vm],
          v);
    guest.trace.add_lost(v, news.lost);
    for (const candor_trace& record : news.records) guest.trace.add(v, record, now, name_of);
  }
}

void RunTrace::end_guest(std::uint32_t vm) {
  const auto at = guests_.find(vm);
  if (at == guests_.end()) return;
  follow_guest(vm, at->second);
  at->second.trace.end(clock_now());
  guests_.erase(at);
}

void RunTrace::end_ranks() {
  ranks_.end(clock_now());
}

bool RunTrace::close() {
  written_ = writer_.flush() && written_;
  file_.close();
  return written_ && file_.good();
}

}  // namespace candor::cli
