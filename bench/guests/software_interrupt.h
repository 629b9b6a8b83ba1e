// Interrupts that software asks for, with a handler: what those of a device would be. For guests with one
// vCPU.
#pragma once

namespace candor::bench {

/// From now on `handler` is called for each interrupt(), as an interrupt handler is: upcalls masked, in the
/// middle of whatever ran. It must not use extended registers.
void on_interrupt(void (*handler)());

/// Returns when the handler has been called and no thread that it woke has precedence. Unmasked. On Candor an
/// exception, by which the host serves it and diverts the vCPU; on a machine of its own an interrupt that the
/// processor sends to itself.
void interrupt();

}  // namespace candor::bench
