// What a VM process may still do once its guest runs: hardly anything. It reads
// what the guest has written, so it is taken to be the guest's one day.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace candor::vmm {

/// The system calls of a VM process that is under way, as a program for
/// seccomp(2). Made once, by the launcher; installed by confine().
Result<std::vector<sock_filter>, std::string> make_filter();

/// Gives up what is left of root's identity and every capability, for good.
Result<Done, std::string> drop_privileges(uid_t uid);

/// Installs the filter: from here on anything else ends this process. The caller
/// has one thread and has called drop_privileges().
Result<Done, std::string> confine(std::vector<sock_filter>& filter);

/// Makes the calling process an ordinary one whatever its parent is: a real-time
/// class is inherited, and so would be the guest's.
Result<Done, std::string> become_ordinary();

}  // namespace candor::vmm
