// Who may register what. Decides everything before anything changes: the
// result is a VM ready to be served, or the reason in words.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "host/packet.h"
#include "host/protocol.h"
#include "host/run_clock.h"
#include "host/shared_area.h"
#include "os/fd.h"

namespace candor::host {

struct VcpuThread {
  pid_t tid = 0;
  RunClock clock;
};

struct CheckedVm {
  AddVm terms;
  SharedArea area;
  Fd bell;
  Fd tender;  // pidfd: readable once the tender is dead
  std::vector<VcpuThread> vcpus;
};

/// What a VM process sent, against what the launcher said of it:
///  - the kernel vouches that the sender is the VM's process;
///  - the tender is the sender's child, the tids are distinct threads of the tender;
///  - counts are the launcher's; the area is sealed and large enough; the bell is an eventfd.
/// Takes the packet's descriptors.
Result<CheckedVm, std::string> check_registration(const AddVm& terms, Packet& packet);

/// What is wrong with the launcher's own numbers, or empty.
std::string check_terms(const AddVm& terms);

}  // namespace candor::host
