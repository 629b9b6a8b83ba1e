// Finding out where this guest runs: the part that looks at the machine.
//
// The kernel has looked by what `candor.detect=` names before guest_main is called (docs/detection.md).
#pragma once

#include "base/time.h"
#include "guest/detect/timing.h"
#include "guest/detect/verdict.h"
#include "guest/vcpu.h"

namespace candor::detect {

/// What the ways that were asked for say, or the usual ones if none was. From any thread; some microseconds,
/// and 3 KiB of its stack.
Verdict verdict();

/// What the times of this machine are. Some 10 to 30 ms, in which vCPU 0 is busy. For threads; two at once
/// disturb each other.
TimingObservation observe_timing();
/// What `instruction(argument)` takes, as a probe: 101 times, next to as many chains. For threads.
Spread time_instruction(void (*instruction)(void*), void* argument = nullptr);

}  // namespace candor::detect

namespace candor::kernel {

/// Which methods are asked for, enum detect::Method; 0: what is usual, which is VMCPUID, and on a machine of
/// its own CPUID, too. Timing is never usual.
extern std::uint32_t detect_methods;
extern detect::VmcpuidObservation vmcpuid_seen;  // the first thing that is looked at

/// Something is to be looked at, or told, beyond VMCPUID's answer. On Candor not unless asked for: the way to
/// main is short there, and each page of code or data that it touches for the first time costs microseconds.
inline bool detects_more() {
  return detect_methods != 0 || kernel.dedicated;
}
/// CPUID, if asked for, once there is a command line; tells of VMCPUID, too, if that was asked for.
void detect_at_boot(Duration vmcpuid_took);
/// Timing, if asked for, and what follows from all. In the first thread, before the application's main.
void detect_in_thread();

}  // namespace candor::kernel
