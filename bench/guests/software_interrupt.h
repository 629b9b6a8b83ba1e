// Interrupts that software asks for, with a handler: what those of a device would be. For guests with one
// vCPU.
#pragma once

#include <cstdint>

#include "guest/semaphore.h"
#include "guest/thread.h"

namespace candor::bench {

/// From now on the handler of interrupt() gives a unit. What it is given must stay until there is no more
/// interrupt().
void on_interrupt(Semaphore& given);
/// From now on it unparks a thread.
void on_interrupt(const Thread& unparked);

/// How often the handler has been called.
std::uint64_t interrupts_handled();

/// Returns when the handler has been called, as an interrupt handler is: upcalls masked, in the middle of
/// whatever ran; and when no thread that it woke has precedence. Unmasked. On Candor an exception, by which
/// the host serves it and diverts the vCPU; on a machine of its own an interrupt that the processor sends to
/// itself.
void interrupt();

}  // namespace candor::bench
