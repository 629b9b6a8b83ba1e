// What a real-time thread claims as blocking (docs/abi.md, section 5): for how long others of its VM may keep
// a job of it waiting for locks.
#pragma once

#include "sim/workload.h"

namespace candor::sim {

/// `blocking` of the thread's specification, or what follows from steps: for each lock that a job takes, the
/// longest that any other thread of the VM may hold it, with what that may then wait for itself. Of the
/// thread's jobs that with the most. Waits for wake-ups have no bound and do not count. `thread` is an index
/// into vm.threads.
[[nodiscard]] Duration claimed_blocking(const VmSpec& vm, std::size_t thread);

}  // namespace candor::sim
