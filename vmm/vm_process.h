// The VM process: one per VM, unprivileged once its guest runs. It builds the
// VM, starts the vCPUs, prints the guest's console, keeps its clock, asks it to
// end and reports how it ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "vmm/clock.h"
#include "vmm/confinement.h"
#include "vmm/image.h"
#include "vmm/report.h"

namespace candor::vmm {

struct VmSpec {
  std::string name;
  std::string cmdline;
  const Image* image = nullptr;
  std::uint64_t memory_bytes = 0;
  std::uint32_t fair_vcpus = 1;
  std::uint32_t realtime_vcpus = 0;
  std::uint32_t weight = 100;
  std::uint32_t bandwidth_ppm = 0;
  std::uint32_t max_priority = 0;
  std::vector<int> cpus;         // processors its vCPUs may use
  bool sole = false;             // no other VM uses them
  bool traced = false;           // somebody reads its guest's traces
  uid_t uid = 0;                 // identity for the VM process and guest code, if the launcher is root
  std::uint64_t created_ns = 0;  // start of its creation
  std::uint64_t epoch_ns = 0;
  std::uint64_t stop_ns = CANDOR_NO_TIME;
};

/// What a VM process has from its surroundings.
struct VmSurroundings {
  int launcher = -1;  // SOCK_SEQPACKET: VmCommand in, VmReport out
  int console = -1;   // ConsoleOutput::open_standard_output()
  int input = -1;     // what people type to this VM; -1: nobody does
  int tender = -1;    // make_process_tender()
  int area = -1;      // make_vm_memory(); the VM process takes both
  int ram = -1;
  pid_t launcher_pid = 0;
  TscScale scale;
  std::vector<sock_filter> filter;  // make_filter(): what this process may do once its guest runs
  int scheduler_pidfd = -1;         // -1: there is no scheduler in this mode
  /// Asks the scheduler to register the vCPUs, and waits for its answer; both unset without one. No vCPU
  /// starts before. The second is called when the filter holds already.
  std::function<Result<Done, std::string>(pid_t tender, std::span<const pid_t> tids, int area_fd,
                                          int bell_fd)>
      ask_to_register;
  std::function<Result<Done, std::string>()> await_registration;
};

/// The only thing a launcher says to a VM process: end the guest, in order.
struct VmCommand {
  std::uint64_t stop_ns;  // the time at which the run counts as over
};

/// How long a guest has to end after it was asked.
constexpr std::uint64_t kShutdownGraceNs = 2'000'000'000;

/// Linux's nice value whose weight comes next to `weight` (100 is nice 0): steps of 1.25.
int nice_for_weight(std::uint32_t weight);

/// The whole life of a VM process, to be called in a freshly forked child. Always
/// sends one VmReport, whatever happens; returns the process's exit status.
int run_vm_process(const VmSpec& spec, const VmSurroundings& surroundings);

}  // namespace candor::vmm
