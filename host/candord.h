// candord: the host scheduler's process.
#pragma once

#include "host/protocol.h"
#include "os/fd.h"

namespace candor::host {

/// The whole life of candord, in a process of its own. Serves `launcher` until
/// it says Quit or is gone, then returns the exit status. Gives up every privilege but
/// CAP_SYS_NICE and CAP_IPC_LOCK. What a job costs is measured on the first processor where `settings` do not
/// say it and it matters: policy kAware, with ranks.
int run_candord(Fd launcher, const Settings& settings);

}  // namespace candor::host
