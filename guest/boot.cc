// From the host's entry to the application's main, and from its return to the end.
#include "guest/claim.h"
#include "guest/console.h"
#include "guest/detect/detect.h"
#include "guest/hardware/host.h"
#include "guest/memory.h"
#include "guest/sdk.h"
#include "guest/shell.h"
#include "guest/trace.h"
#include "guest/vcpu.h"

extern "C" {
using Constructor = void (*)();
extern const Constructor init_array_begin[], init_array_end[];  // arch/x86_64/guest.ld
}

namespace candor::kernel {

// Here, since a boot on Candor is not to touch a page of detect.cc's.
std::uint32_t detect_methods;
detect::VmcpuidObservation vmcpuid_seen;

namespace {

constexpr std::size_t kMaxArguments = 96;

std::string_view main_arguments[kMaxArguments];
std::size_t argument_count;
bool shell_wanted = false;
std::optional<std::uint32_t> trace_wanted;  // records for each vCPU; else as the host would like it

/// VMCPUID: on Candor the synthetic instruction names host and ABI version; 0 elsewhere.
std::uint32_t find_candor() {
  vmcpuid_seen.answer = trap_identify();
  vmcpuid_seen.undefined = kernel.dedicated && hardware::host.trap_is_undefined;
  return detect::abi_version_in(vmcpuid_seen);
}

void take_idle_mode(std::string_view value) {
  if (value == "candid")
    kernel.idle = IdleMode::kCandid;
  else if (value == "poll")
    kernel.idle = IdleMode::kPoll;
  else if (value == "halt")
    kernel.idle = IdleMode::kHalt;
  else
    panic("candor.idle={}: it is candid, poll or halt", value);
}

void take_console_face(std::string_view value) {
  if (value != "ring" && value != "uart") panic("candor.console={}: it is ring or uart", value);
  if (!use_console(value == "ring" ? ConsoleFace::kRing : ConsoleFace::kUart))
    panic("candor.console=uart: there is no UART here");
}

void take_shell(std::string_view value) {
  if (value != "on" && value != "off") panic("candor.shell={}: it is on or off", value);
  shell_wanted = value == "on";
}

void take_detection(std::string_view value) {
  std::string_view rest = value;
  do {
    const std::string_view way = take_until(rest, ',');
    std::uint32_t asked = 0;
    if (way == "all") asked = detect::kAllMethods;
    if (way == "vmcpuid") asked = detect::kVmcpuid;
    if (way == "cpuid") asked = detect::kCpuid;
    if (way == "timing") asked = detect::kTiming;
    if (asked == 0)
      panic("candor.detect={}: it is all, or some of vmcpuid, cpuid, timing, with commas between", value);
    detect_methods |= asked;
  } while (!rest.empty());
}

void take_trace(std::string_view value) {
  constexpr std::uint32_t kLeast = 16;
  const std::optional<std::uint64_t> number = value == "on"    ? kTraceRecords
                                              : value == "off" ? 0
                                                               : parse_number(value);
  if (!number || (value != "off" && (*number < kLeast || *number > CANDOR_MAX_TRACE_RECORDS)))
    panic("candor.trace={}: it is on, off or a number of records from {} to {}", value, kLeast,
          CANDOR_MAX_TRACE_RECORDS);
  trace_wanted = static_cast<std::uint32_t>(*number);
}

/// A word that has two values.
struct Switch {
  std::string_view key, on, off;
  bool* value;
};
constexpr Switch kSwitches[] = {
    {"candor.placement", "class", "fair", &kernel.host_serves_claims},
    {"candor.publish", "on", "off", &kernel.publishes},
    {"candor.wake_claims", "on", "off", &kernel.announces},
    {"candor.locks", "inherit", "spin", &kernel.locks_inherit},
};

/// False: there is no such switch.
bool take_switch(std::string_view key, std::string_view value) {
  for (const Switch& s : kSwitches) {
    if (key != s.key) continue;
    if (value != s.on && value != s.off) panic("{}={}: it is {} or {}", key, value, s.on, s.off);
    if (value == s.off) *s.value = false;  // it may be off anyway: there is nothing that it could switch on
    return true;
  }
  return false;
}

void read_command_line() {
  std::size_t length = 0;
  while (length < sizeof host_page().cmdline && host_page().cmdline[length] != 0) length++;
  std::string_view rest(host_page().cmdline, length);
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
    std::string_view value = word;
    const std::string_view key = take_until(value, '=');
    if (key == "candor.idle")
      take_idle_mode(value);
    else if (key == "candor.console")
      take_console_face(value);
    else if (key == "candor.detect")
      take_detection(value);
    else if (key == "candor.shell")
      take_shell(value);
    else if (key == "candor.trace")
      take_trace(value);
    else if (key == "candor.exit_port" || take_switch(key, value))
      continue;  // the first is for a machine of its own: guest/hardware
    else if (key.substr(0, 7) == "candor.")
      panic("{}: the kernel knows no such argument", word);
    else if (argument_count == kMaxArguments)
      panic("more than {} words on the command line", kMaxArguments);
    else
      main_arguments[argument_count++] = word;
  }
}

void close_statistics() {
  kernel.ending.store(true);
  for (std::uint32_t i = 0; i < kernel.vcpus; i++) Vcpu::at(i).notify();
  // Each vCPU closes its own. One that gets no processor cannot; it does not
  // change anything either, so then we do it.
  const Time patience = now() + milliseconds(20);
  for (std::uint32_t i = 0; i < kernel.vcpus; i++) {
    while (!Vcpu::at(i).finished() && now() < patience) {
      Vcpu::here().schedule();
      call_host(CANDOR_CALL_NO_WORK, wire(now() + microseconds(100)));
    }
    Vcpu::at(i).finish_statistics();
  }
}

void run_main(void*) {
  if (detects_more()) detect_in_thread();
  put(guest_page().main_ns, wire(now()));
  put(guest_page().stage, std::uint32_t{CANDOR_STAGE_MAIN});
  if (shell_wanted) Shell::start();
  const int code = guest_main({main_arguments, argument_count});
  put(guest_page().stage, std::uint32_t{CANDOR_STAGE_ENDING});
  Masked masked;
  close_statistics();
  for (;;) call_host(CANDOR_CALL_SHUTDOWN, static_cast<std::uint32_t>(code));
}

/// On vCPU 0, while the others wait.
void boot() {
  put(guest_page().kernel_ns, wire(now()));
  put(guest_page().abi_version, std::uint32_t{CANDOR_ABI_VERSION});
  put(guest_page().stage, std::uint32_t{CANDOR_STAGE_KERNEL});
  kernel.vcpus = host_page().vcpu_count;
  kernel.fair_vcpus = host_page().fair_vcpus;
  kernel.aware = host_offers(CANDOR_FEATURE_SCHED);
  kernel.host_serves_claims = kernel.publishes = kernel.aware;
  kernel.extended = detect_extended_state();
  Vcpu::prepare_all();
  start_memory();
  for (const Constructor* c = init_array_begin; c != init_array_end; c++) (*c)();

  const Time asked = now();
  const std::uint32_t version = find_candor();
  const Duration took = now() - asked;
  // What was printed until here went by the UART where there is one. Nothing was where all is well, for it
  // costs a trap a byte.
  if (version == CANDOR_ABI_VERSION || kernel.dedicated) static_cast<void>(use_console(ConsoleFace::kRing));
  if (version == 0)
    print_at_boot("candor: not on Candor, as VMCPUID says in {}\n", took);
  else
    print_at_boot("candor: on Candor, ABI {}, {}, as VMCPUID says in {}\n", version,
                  kernel.aware ? "aware" : "unaware by host", took);
  if (!kernel.dedicated && version != CANDOR_ABI_VERSION)
    panic("made for ABI {}, the host has {}", CANDOR_ABI_VERSION, version);
  read_command_line();
  if (detects_more()) detect_at_boot(took);
  start_traces(trace_wanted);

  ThreadControl& main = make_thread("main", Terms::fair(), run_main, nullptr, 2 * kDefaultStackBytes);
  kernel.main.store(&main, std::memory_order_release);
  launch(main, Vcpu::at(0));
}

}  // namespace

extern "C" [[noreturn]] void candor_start(std::uint64_t /*area*/, std::uint64_t index) {
  const auto vcpu = static_cast<std::uint32_t>(index);
  if (vcpu == 0) {
    boot();
    kernel.booted.store(true, std::memory_order_release);
    for (std::uint32_t i = 1; i < kernel.vcpus; i++) Vcpu::at(i).notify();
  } else {
    // What comes meanwhile is kept, but must not keep us from sleeping.
    std::uint32_t came = 0;
    while (!kernel.booted.load(std::memory_order_acquire)) {
      call_host(CANDOR_CALL_NO_WORK, CANDOR_NO_TIME);
      came |= __atomic_exchange_n(&vcpu_page(vcpu).pending, 0, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_or(&vcpu_page(vcpu).pending, came, __ATOMIC_SEQ_CST);
  }
  Vcpu::run(vcpu);
}

}  // namespace candor::kernel
