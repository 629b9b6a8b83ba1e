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

/// In thread.cc.
Rank rank_by_terms(const Terms& terms);
ThreadControl& make_thread(std::string_view name, const Terms& terms, void (*entry)(void*), void* argument,
                           std::size_t stack_bytes);
void launch(ThreadControl& thread, Vcpu& where);

}  // namespace candor::kernel
