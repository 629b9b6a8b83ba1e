// candord: the host scheduler's process.
#pragma once

#include <vector>

#include "host/protocol.h"
#include "os/fd.h"

namespace candor::host {

/// The whole life of candord, in a process of its own. Serves `launcher` until
/// it says Quit or is gone, then returns the exit status. Gives up every privilege but
/// CAP_SYS_NICE and CAP_IPC_LOCK. `processors`: host numbers, at least one.
int run_candord(Fd launcher, Policy policy, std::vector<int> processors);

}  // namespace candor::host
