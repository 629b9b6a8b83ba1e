// What one VM did, as its VM process tells the launcher when it has ended.
#pragma once

#include <cstdint>

#include "abi/candor.h"
#include "vmm/area.h"

namespace candor::vmm {

enum class ExitReason : std::uint32_t {
  kShutdown,  // by itself
  kStopped,   // asked by the host, and complied
  kFault,     // guest code did what it must not
  kHung,      // asked by the host, did not comply within the grace, was ended
  kRefused,   // the host did not let it start, or it made a forbidden system call
  kKilled,    // from outside Candor
};

/// "shutdown", "stopped", ...
const char* to_string(ExitReason reason);

struct ThreadReport {
  char name[CANDOR_NAME_BYTES + 1];
  std::uint32_t cls;  // enum candor_class, as the thread claimed it
  std::uint64_t jobs, skipped, misses, work_units;
  double wakeup_p50_us, wakeup_p99_us, wakeup_max_us;
};

/// Trivially copyable: it travels through a socket as it is. Counters are what
/// the guest says of itself.
struct VmReport {
  ExitReason reason;
  std::uint32_t exit_code;    // the guest's own, for kShutdown and kStopped
  std::uint32_t not_started;  // 1: the host could not start it, and `detail` says why
  char detail[200];           // for people, if there is something to say
  std::uint64_t cpu_ns;       // of guest code and VM process together
  std::uint64_t steal_ns;     // vCPUs ready but not running
  std::uint64_t start_ns;     // from the start of its creation to the guest's main; 0: it did not get there
  std::uint64_t boot_ns;      // of these, from the guest's first instruction; by its own words
  std::uint64_t host_calls, kicks, upcalls, publishes, polls, poll_hits, waits, port_accesses;
  std::uint32_t thread_count;
  ThreadReport threads[CANDOR_MAX_THREADS];
};

/// Latency below which `fraction` of the counted ones lie, in nanoseconds; the
/// middle of its bucket (docs/abi.md §9). 0 if none was counted.
double latency_quantile(const candor_thread_stats& stats, double fraction);

/// The same report with everything within its bounds: texts end and are printable, counts and
/// enumerators are possible ones.
VmReport checked(const VmReport& report);

/// Fills in counters and threads from the area.
void collect_counters(const Area& area, std::uint32_t vcpus, VmReport& report);

}  // namespace candor::vmm
