// The file of `candor run --trace`: what the scheduler and the guests' kernels did, fetched as the run goes
// on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "base/rate_meter.h"
#include "base/time.h"
#include "cli/guest_trace.h"
#include "cli/rank_trace.h"
#include "cli/trace_writer.h"
#include "host/scheduler_client.h"
#include "vmm/guest_trace.h"

namespace candor::cli {

class RunTrace {
 public:
  /// How often it is to be followed: long before the scheduler has no room for more (host::kTraceEntries).
  static constexpr Duration kPeriod = milliseconds(100);

  /// `ranks`: whether they are in force, for who reads the file.
  RunTrace(const std::filesystem::path& path, std::string_view ranks);

  /// A VM of the run, before anything of it is told.
  void add_vm(std::uint32_t vm, const std::string& name);
  /// Its guest is traced from now on. Maps memory: once no VM process will inherit it. Says why not.
  void add_guest(std::uint32_t vm, vmm::VmMemory memory, std::uint64_t ram_bytes, std::uint32_t vcpus);

  /// Writes what has happened since the last time. `scheduler`: null if there is none to ask.
  void follow(host::SchedulerClient* scheduler);
  /// The VM has ended: writes what its guest did, and forgets it.
  void end_guest(std::uint32_t vm);
  /// No rank is in force any more.
  void end_ranks();
  /// Closes the file, with all that was followed. False if it does not have it all.
  [[nodiscard]] bool close();

 private:
  // What a guest may add. More is left out: it takes processor time and room on disks from others.
  static constexpr std::int64_t kGuestEventsBurst = 1 << 18;
  static constexpr std::int64_t kGuestEventsPerSecond = 100'000;

  struct Guest {
    Guest(vmm::GuestTraceReader r, GuestTrace t) : reader(std::move(r)), trace(std::move(t)) {}

    vmm::GuestTraceReader reader;
    GuestTrace trace;
    RateMeter meter{kGuestEventsBurst, kGuestEventsPerSecond};
  };
  void follow_guest(std::uint32_t vm, Guest& guest);

  std::ofstream file_;
  TraceWriter writer_;
  RankTrace ranks_;
  std::map<std::uint32_t, std::string> names_;  // of VMs
  std::map<std::uint32_t, Guest> guests_;       // of VMs that are traced
  bool written_ = true;
};

}  // namespace candor::cli
