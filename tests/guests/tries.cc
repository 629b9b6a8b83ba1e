// Hostile: tries what its command line names, which the host must not let it do.
// Ends with exit code 1 if it could.
#include "guest/area.h"
#include "guest/sdk.h"

namespace {

using namespace candor;

long linux_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// Linux's numbers, for x86-64.
enum Number : long {
  kWrite = 1,
  kOpen = 2,
  kMmap = 9,
  kMprotect = 10,
  kSigreturn = 15,
  kSocket = 41,
  kClone = 56,
  kExecve = 59,
  kFutex = 202,
  kTgkill = 234,
  kX32 = 0x40000000,
};
constexpr long kSchedBell = 6;
constexpr long kReadWriteExecute = 7, kReadWrite = 3, kRead = 1;
constexpr long kRequeue = 3, kPrivate = 128, kRealtimeClock = 256, kWaitBitset = 9, kWake = 1;
constexpr long kKick = 10, kKill = 9;
constexpr long kArea = static_cast<long>(CANDOR_AREA_BASE);
constexpr long kTenderText = 0x600000000000;
constexpr long kLock = kArea + CANDOR_OFF_LOCKS;

alignas(4096) std::uint8_t page[4096];
std::uint64_t word = 1;

long address_of(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

void read_at(std::uint64_t address) {
  static_cast<void>(*reinterpret_cast<const volatile std::uint8_t*>(address));
}

/// Returns from a signal that never was, to a loop with all signals blocked.
[[noreturn]] void forge_a_signal_frame() {
  // As the kernel lays it out: struct ucontext, whose registers begin at byte 40; the mask follows them.
  alignas(64) static std::uint64_t frame[64];
  void* spin = nullptr;
  __asm__ volatile("lea 1f(%%rip), %0\n jmp 2f\n 1: jmp 1b\n 2:" : "=r"(spin));
  constexpr int kRegisters = 5;
  frame[kRegisters + 15] = reinterpret_cast<std::uint64_t>(page) + sizeof page - 64;  // rsp
  frame[kRegisters + 16] = reinterpret_cast<std::uint64_t>(spin);                     // rip
  frame[kRegisters + 17] = 0x202;                                                     // rflags
  frame[kRegisters + 18] = 0x2bull << 48 | 0x33;                                      // ss, cs
  frame[kRegisters + 32] = ~0ull;                                                     // the mask
  __asm__ volatile("mov %0, %%rsp\n syscall" : : "r"(frame), "a"(kSigreturn) : "memory");
  __builtin_unreachable();
}

struct Try {
  std::string_view name;
  void (*act)();
};

constexpr Try kTries[] = {
    {"protect_ram_executable",
     [] { linux_call(kMprotect, address_of(page), sizeof page, kReadWriteExecute); }},
    {"protect_area", [] { linux_call(kMprotect, kArea, 4096, kReadWrite); }},
    {"protect_tender", [] { linux_call(kMprotect, kTenderText, 4096, kReadWrite); }},
    {"protect_other_bits",
     [] { linux_call(kMprotect, address_of(page), sizeof page, kRead | 0x01000000 /* PROT_GROWSDOWN */); }},
    {"futex_in_ram", [] { linux_call(kFutex, address_of(&word), kWake, 1); }},
    {"futex_behind_area", [] { linux_call(kFutex, kArea + CANDOR_AREA_BYTES, kWake, 1); }},
    {"futex_private", [] { linux_call(kFutex, kLock, kPrivate | kWake, 1); }},
    {"futex_realtime_clock", [] { linux_call(kFutex, kLock, kRealtimeClock | kWaitBitset, 1, 0, 0, -1); }},
    {"futex_requeue", [] { linux_call(kFutex, kLock, kRequeue, 1, 1, kLock + 4); }},
    {"write_elsewhere", [] { linux_call(kWrite, 1, address_of(&word), 8); }},
    {"write_to_no_bell", [] { linux_call(kWrite, 8, address_of(&word), 8); }},
    {"write_another_length", [] { linux_call(kWrite, kSchedBell, address_of(&word), 16); }},
    {"signal_another", [] { linux_call(kTgkill, 2, 1, kKick); }},
    {"signal_otherwise", [] { linux_call(kTgkill, 1, 1, kKill); }},
    {"x32_call", [] { linux_call(kX32 | kWrite, kSchedBell, address_of(&word), 8); }},
    {"open", [] { linux_call(kOpen, address_of("/"), 0); }},
    {"socket", [] { linux_call(kSocket, 1, 1); }},
    {"clone", [] { linux_call(kClone, 17); }},
    {"execve", [] { linux_call(kExecve, address_of("/bin/true")); }},
    {"mmap", [] { linux_call(kMmap, 0, 4096, kRead, 0x22, -1); }},
    {"ia32_call", [] { __asm__ volatile("int $0x80"
                                        :
                                        : "a"(20), "b"(0)
                                        : "memory"); }},
    {"read_old_stack", [] { read_at(0x7ffffffde000); }},
    {"read_behind_tender", [] { read_at(kTenderText + (64l << 20)); }},
    {"write_to_tender_text", [] { *reinterpret_cast<volatile std::uint8_t*>(kTenderText) = 0; }},
    {"write_to_host_page", [] { *reinterpret_cast<volatile std::uint8_t*>(kArea) = 0; }},
    {"port_below", [] { __asm__ volatile("out %%al, %%dx" ::"a"(0), "d"(CANDOR_UART_PORT - 1)); }},
    {"port_above", [] { __asm__ volatile("in %%dx, %%al" ::"a"(0), "d"(CANDOR_UART_PORT + 8)); }},
    {"port_by_number", [] { __asm__ volatile("out %%al, $0xf8" ::"a"(0), "d"(CANDOR_UART_PORT)); }},
    {"port_word", [] { __asm__ volatile("out %%ax, %%dx" ::"a"(0), "d"(CANDOR_UART_PORT)); }},
    {"port_double_word", [] { __asm__ volatile("in %%dx, %%eax" ::"a"(0), "d"(CANDOR_UART_PORT)); }},
    {"port_string", [] { __asm__ volatile("outsb" ::"S"(page), "d"(CANDOR_UART_PORT)); }},
    {"port_with_prefix",
     [] { __asm__ volatile(".byte 0x48; in %%dx, %%al" ::"a"(0), "d"(CANDOR_UART_PORT)); }},
    {"forged_signal_frame", [] { forge_a_signal_frame(); }},
};

}  // namespace

int candor::guest_main(Arguments arguments) {
  for (const Try& t : kTries)
    if (!arguments.empty() && t.name == arguments[0]) {
      print("trying {}\n", t.name);
      t.act();
      print("not reached\n");
      return 1;
    }
  print("no such try\n");
  return 2;
}
