// candord: the host scheduler's process.
#pragma once

#include <vector>

#include "host/admission_terms.h"
#include "host/protocol.h"
#include "os/fd.h"

namespace candor::host {

/// The whole life of candord, in a process of its own. Serves `launcher` until
/// it says Quit or is gone, then returns the exit status. Gives up every privilege but
/// CAP_SYS_NICE and CAP_IPC_LOCK. `processors`: host numbers, at least one. What a job costs is measured on
/// the first of them where `terms` do not say it and it matters: policy kAware, with ranks.
int run_candord(Fd launcher, Policy policy, std::vector<int> processors, const AdmissionTerms& terms);

}  // namespace candor::host
