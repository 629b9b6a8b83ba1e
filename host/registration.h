// What a VM process says to candord, on its end of the socket that the launcher gave to both.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "base/result.h"

namespace candor::host {

/// Asks for the VM's vCPU threads (of process `tender`, a child of the caller; fair ones first) to be
/// registered. `area_fd` is the area's memfd, sealed with F_SEAL_SHRINK and F_SEAL_GROW; `bell_fd` the
/// eventfd behind CANDOR_BELL_SCHED. Both stay the caller's. May be called before candord knows of the VM,
/// and without privilege. Once for each VM. Error: why not, for people.
Result<Done, std::string> ask_to_register(int socket, pid_t tender, std::span<const pid_t> tids, int area_fd,
                                          int bell_fd);

/// Waits for the answer to ask_to_register(), at most 5 s. Error: why the VM is not registered, for people.
Result<Done, std::string> await_registration(int socket);

}  // namespace candor::host
