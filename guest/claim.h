// Thread slots, terms and claims: the rare traffic with the host.
#pragma once

#include "guest/vcpu.h"

namespace candor::kernel {

/// Gives the thread a slot of the shared area. When none is left it goes without:
/// it runs, but the host knows nothing of it.
void allocate_slot(ThreadControl& thread);

/// Whether the host has yet to answer the thread's claim. On its vCPU, or before it has one.
void await_answer(ThreadControl& thread, bool awaited);

/// The thread ends: gives up its claim and, if it has not counted anything, its name. By itself, masked.
void give_up_claim(ThreadControl& thread);
/// Once it is not on its stack any more. A slot whose statistics count something is not used again.
void release_slot(ThreadControl& thread);

/// Sets the thread's terms and writes them into its slot. By its creator, then by itself.
void write_terms(ThreadControl& thread, const Terms& terms);

/// Claims what the terms say, if they need a claim, and says which vCPU the thread
/// belongs on. Waits for the host's answer. Masked.
Vcpu& claim_and_place(ThreadControl& thread);

/// Its owner has asked for another priority. On its vCPU, masked.
void change_priority(ThreadControl& thread);

/// Claims are admitted and enforced by the guest, since no host does it.
bool guest_serves_claims();
/// The same as claim_and_place() there: each vCPU gives away 100 % at most.
Vcpu& admit_and_place(ThreadControl& thread);
/// Its reserve, which it has, goes to `to`, if there is room. On its vCPU.
[[nodiscard]] bool move_reserve(ThreadControl& thread, Vcpu& to);
void give_back_reserve(ThreadControl& thread);
/// Its rank by its terms, claim and job, as long as nobody lends it another. On its vCPU, or before it has
/// one.
Rank rank_of(const ThreadControl& thread);

/// In thread.cc.
ThreadControl& make_thread(std::string_view name, const Terms& terms, void (*entry)(void*), void* argument,
                           std::size_t stack_bytes);
void launch(ThreadControl& thread, Vcpu& where);

}  // namespace candor::kernel
