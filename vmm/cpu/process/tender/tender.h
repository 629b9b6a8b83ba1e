// The tender: the process that a guest's code runs in. It owns no secret and
// no privilege. The guest can write all of its writable memory, so nothing
// here protects the host from the guest; the filter (filter.cc) does.
//
// No libc, no thread-local storage, no stack protector: fs, gs and the
// extended registers belong to the guest whenever this code runs. A handler
// finds its vCPU by its own stack pointer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/candor.h"
#include "vmm/cpu/process/tender/syscall.h"
#include "vmm/cpu/process/tender_boot.h"

namespace candor::tender {

using process::Setup;
using process::TenderBoot;

constexpr std::uint64_t kSlotBytes = 65536;
constexpr std::uint32_t kNoSlot = ~0u;

/// One vCPU thread's private part: this header, the stack it boots on and the
/// signal stack above it. Aligned to its size, so that any address on either
/// stack leads to it.
struct alignas(kSlotBytes) VcpuSlot {
  std::uint32_t index;
  std::uint32_t tid;      // in the tender's own PID namespace
  std::int32_t timer;     // POSIX timer that sends SIGUSR2 to this thread
  std::uint32_t managed;  // thread slot claimed by registers: its job line is kept here, else kNoSlot
  void* done;             // context of the synthetic instruction that was last done (signals.cc)
  std::uint8_t boot_stack[12288 - 24];
  std::uint8_t signal_stack[kSlotBytes - 12288];
};
static_assert(sizeof(VcpuSlot) == kSlotBytes && offsetof(VcpuSlot, signal_stack) == 12288);

// Hidden, or clang would look for them in a table that the linker script has no place for.
[[gnu::visibility("hidden")]] extern TenderBoot boot;
[[gnu::visibility("hidden")]] extern VcpuSlot slots[CANDOR_MAX_VCPUS];

inline std::uint8_t* area() {
  return reinterpret_cast<std::uint8_t*>(CANDOR_AREA_BASE);
}
inline const candor_host_page& host_page() {
  return *reinterpret_cast<const candor_host_page*>(area() + CANDOR_OFF_HOST_PAGE);
}
inline const candor_host_vcpu& host_vcpu(std::uint32_t i) {
  return reinterpret_cast<const candor_host_vcpu*>(area() + CANDOR_OFF_HOST_VCPUS)[i];
}
inline const candor_host_thread& host_thread(std::uint32_t i) {
  return reinterpret_cast<const candor_host_thread*>(area() + CANDOR_OFF_HOST_THREADS)[i];
}
inline candor_guest_page& guest_page() {
  return *reinterpret_cast<candor_guest_page*>(area() + CANDOR_OFF_GUEST_PAGE);
}
inline candor_guest_vcpu& vcpu_page(std::uint32_t i) {
  return reinterpret_cast<candor_guest_vcpu*>(area() + CANDOR_OFF_VCPUS)[i];
}
inline candor_thread& thread_slot(std::uint32_t i) {
  return reinterpret_cast<candor_thread*>(area() + CANDOR_OFF_THREADS)[i];
}

inline std::uint64_t ram_end() {
  return CANDOR_RAM_BASE + boot.ram_bytes;
}

/// Whether [address, address + bytes) lies in guest RAM.
inline bool in_ram(std::uint64_t address, std::uint64_t bytes) {
  return address >= CANDOR_RAM_BASE && address <= ram_end() && bytes <= ram_end() - address;
}

inline std::uint32_t load(const std::uint32_t& word) {
  return __atomic_load_n(&word, __ATOMIC_SEQ_CST);
}
inline void store(std::uint32_t& word, std::uint32_t value) {
  __atomic_store_n(&word, value, __ATOMIC_SEQ_CST);
}

/// Ends the whole VM. The record in the vCPU page is for people; the exit
/// status decides. Callable from handlers.
[[noreturn]] void end_vm(VcpuSlot& self, candor_exit kind, std::uint32_t code, std::uint64_t ip,
                         std::uint64_t address);

/// Ends the tender because the host could not set it up.
[[noreturn]] void fail_setup(Setup step);

/// Executes a synthetic instruction (docs/abi.md §7) for the vCPU of `self`, on
/// whatever stack it is called. `ip` is where the guest asked, for the record.
std::int64_t execute_call(VcpuSlot& self, std::uint64_t number, const std::uint64_t (&args)[5],
                          std::uint64_t ip);

/// Rings one of the bells of tender_boot.h.
void ring(VcpuSlot& self, int bell);
/// Lets others run.
void give_way();
/// What has been set in its own `pending` is to be seen as soon as the guest runs on.
void kick_self(VcpuSlot& self);

enum class PortAccess {
  kNone,   // no access that the guest may make: a fault
  kDone,   // rip may go on, by kPortAccessBytes
  kAgain,  // the instruction is to be executed again
};
constexpr std::uint64_t kPortAccessBytes = 1;
/// Executes the access to a port at `rip`, if there is one, with the guest's registers (ports.cc).
PortAccess try_port_access(VcpuSlot& self, std::uint64_t rip, std::uint64_t rdx, std::uint64_t& rax);

extern "C" {
/// Executes VMCPUID, as guests do.
[[gnu::visibility("hidden")]] void tender_identify();
/// The instruction in it: the only one outside of guest RAM.
[[gnu::visibility("hidden")]] extern const std::uint8_t tender_trap[];
}

/// Installs the signal handlers, for all threads.
void install_signals();

/// Installs the system call filter in all threads that exist (TSYNC).
void install_filter();

}  // namespace candor::tender
