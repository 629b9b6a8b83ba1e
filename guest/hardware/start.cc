// From the loader to the kernel's entry: what a host does before a guest starts.
#include <new>

#include "guest/area.h"
#include "guest/format.h"
#include "guest/hardware/apic.h"
#include "guest/hardware/boot_info.h"
#include "guest/hardware/clock_source.h"
#include "guest/hardware/host.h"
#include "guest/hardware/processor.h"
#include "guest/hardware/registers.h"
#include "guest/parse.h"
#include "guest/uart.h"
#include "guest/vcpu.h"

extern "C" {
// guest/arch/x86_64/guest.ld
extern const char text_begin[], text_end[], rodata_begin[], rodata_end[], data_begin[], image_end[];
// boot.S
extern const char hardware_trampoline[], hardware_trampoline_end[];
[[noreturn]] void hardware_enter_kernel(std::uint64_t area, std::uint64_t index, std::uint64_t stack);
std::uint64_t hardware_starting_stack;
std::uint32_t hardware_starting_index;
}

namespace candor::hardware {
namespace {

constexpr std::uint64_t kPage = PageTables::kPage;
constexpr std::uint64_t kMapped = std::uint64_t{4} << 30;  // by boot.S, where it lies
constexpr std::uint64_t kTrampolinePage = 0x8000;

BootInfo boot_info;              // copied: what the loader left may lie in memory that is about to be used
bool started[CANDOR_MAX_VCPUS];  // atomic

std::uint64_t address_of(const void* p) {
  return reinterpret_cast<std::uint64_t>(p);
}
std::uint64_t page_up(std::uint64_t bytes) {
  return (bytes + kPage - 1) & ~(kPage - 1);
}

/// Before there is a console: to the serial port.
void say(std::string_view pattern, std::initializer_list<FormatArgument> arguments = {}) {
  char memory[256];
  TextBuffer buffer(memory, sizeof memory);
  buffer.append(std::string_view("candor: "));
  buffer.format(pattern, arguments.begin(), arguments.size());
  buffer.append(std::string_view("\n"));
  kernel::first_uart.write(buffer.text());
}

[[noreturn]] void give_up(std::string_view why, std::initializer_list<FormatArgument> arguments = {}) {
  say(why, arguments);
  end(101);
}

/// Where everything lies: the kernel's RAM from CANDOR_RAM_BASE with the boot stacks at its end, then what is
/// the host's own.
struct Layout {
  std::uint64_t ram_end;  // the kernel's
  std::uint64_t area;
  std::uint64_t processors;
  std::uint64_t tables;
  std::uint64_t end;
};

Layout lay_out(std::uint64_t processors) {
  MemoryRange range = range_of(boot_info, CANDOR_RAM_BASE);
  if (range.end > kMapped) range.end = kMapped;
  range.end &= ~(kPage - 1);
  const std::uint64_t table_bytes = PageTables::bytes_for(range.end);
  const std::uint64_t own = page_up(CANDOR_AREA_BYTES) + processors * sizeof(Processor) + table_bytes;
  const std::uint64_t stacks = processors * CANDOR_BOOT_STACK_BYTES;
  const std::uint64_t image = address_of(image_end);
  constexpr std::uint64_t kLeastHeap = 256 << 10;
  if (range.end < image + stacks + own + kLeastHeap)
    give_up("the memory at 1 MiB ends at {} KiB; {} KiB are needed",
            {FormatArgument(range.end >> 10), FormatArgument((image + stacks + own + kLeastHeap) >> 10)});
  Layout layout = {};
  layout.end = range.end;
  layout.tables = layout.end - table_bytes;
  layout.processors = layout.tables - processors * sizeof(Processor);
  layout.area = layout.processors - page_up(CANDOR_AREA_BYTES);
  layout.ram_end = layout.area;
  return layout;
}

void map_everything(const Layout& layout) {
  PageTables& t = host.tables;
  const std::uint64_t text = address_of(text_begin), rodata = address_of(rodata_begin),
                      data = address_of(data_begin);
  bool ok = t.map(text, text, page_up(address_of(text_end)) - text, Rights::kExecute);
  ok = ok && t.map(rodata, rodata, page_up(address_of(rodata_end)) - rodata, Rights::kRead);
  ok = ok && t.map(data, data, layout.end - data, Rights::kWrite);
  ok = ok && t.map(CANDOR_AREA_BASE, layout.area, CANDOR_HOST_BYTES, Rights::kRead);
  ok = ok && t.map(CANDOR_AREA_BASE + CANDOR_HOST_BYTES, layout.area + CANDOR_HOST_BYTES,
                   page_up(CANDOR_AREA_BYTES) - CANDOR_HOST_BYTES, Rights::kWrite);
  const std::uint64_t apic = host.machine.local_apic & ~(kPage - 1);
  ok = ok && t.map(apic, apic, kPage, Rights::kDevice);
  for (std::size_t i = 0; i < host.machine.io_apic_count; i++) {
    const std::uint64_t io = host.machine.io_apics[i].address & ~(kPage - 1);
    ok = ok && t.map(io, io, kPage, Rights::kDevice);
  }
  if (!ok) give_up("too little memory for page tables");
}

void fill_area(const Layout& layout) {
  auto* page = reinterpret_cast<candor_host_page*>(layout.area);
  __builtin_memset(page, 0, CANDOR_AREA_BYTES);
  host.page = page;
  page->magic = CANDOR_MAGIC;
  page->abi_version = CANDOR_ABI_VERSION;
  page->features = CANDOR_FEATURE_PROTECT;
  page->area_bytes = CANDOR_AREA_BYTES;
  page->vcpu_count = page->fair_vcpus = Processor::count;
  page->thread_slots = CANDOR_MAX_THREADS;
  page->lock_words = CANDOR_MAX_LOCKS;
  page->ram_base = CANDOR_RAM_BASE;
  page->ram_bytes = layout.ram_end - CANDOR_RAM_BASE;
  page->call_entry = address_of(reinterpret_cast<const void*>(&serve_call));
  page->weight = 100;
  page->stop_ns = CANDOR_NO_TIME;
  static_assert(sizeof page->cmdline >= sizeof boot_info.cmdline);
  __builtin_memcpy(page->cmdline, boot_info.cmdline, sizeof boot_info.cmdline);
  auto* vcpus = reinterpret_cast<candor_host_vcpu*>(layout.area + CANDOR_OFF_HOST_VCPUS);
  auto* own = reinterpret_cast<candor_guest_vcpu*>(layout.area + CANDOR_OFF_VCPUS);
  for (std::uint32_t i = 0; i < Processor::count; i++) {
    vcpus[i] = {};
    vcpus[i].kind = CANDOR_VCPU_FAIR;
    vcpus[i].processor = i;
    vcpus[i].lock_token = i + 1;
    vcpus[i].sole = 1;
    vcpus[i].waiting_key_ns = CANDOR_NO_TIME;
    own[i].masked = 1;
  }
}

void start_clock(std::uint64_t tsc_hz) {
  candor_clock& clock = host.page->clock;
  clock.flags = CANDOR_CLOCK_TSC;
  // 32.32 fixed point; 10^9 << 32 fits 62 bits.
  clock.scale[0] = {.base_tsc = kernel::read_tsc(), .base_ns = 0, .mult = (1'000'000'000ull << 32) / tsc_hz};
  clock.seq = 0;
  host.page->epoch_ns = 0;
}

std::uint64_t boot_stack_of(std::uint32_t index) {
  return host.page->ram_base + host.page->ram_bytes - std::uint64_t{index} * CANDOR_BOOT_STACK_BYTES;
}

void use_own_timer() {
  if (LocalApic::has_tsc_deadline())
    LocalApic::use_deadline();
  else
    LocalApic::use_one_shot();
}

/// One after the other: they share the words that say where to begin.
std::uint32_t start_others() {
  std::uint32_t running = 1;
  for (std::size_t i = 0; i < host.machine.processors; i++) {
    const std::uint32_t id = host.machine.apic_ids[i];
    if (id == Processor::all[0].apic_id) continue;
    hardware_starting_index = running;
    hardware_starting_stack = address_of(Processor::all[running].stacks[0] + kStackBytes);
    LocalApic::start(id, kTrampolinePage, wait_us);
    // One that does not come is left out; should it come late, it waits for ever.
    for (int tries = 0; tries < 1000 && !__atomic_load_n(&started[running], __ATOMIC_ACQUIRE); tries++)
      wait_us(100);
    if (__atomic_load_n(&started[running], __ATOMIC_ACQUIRE))
      running++;
    else
      say("the processor with APIC id {} does not start", {FormatArgument(id)});
  }
  return running;
}

/// The words that are for this side (guest/boot.cc passes over them).
void read_own_arguments() {
  std::string_view rest(boot_info.cmdline, __builtin_strlen(boot_info.cmdline));
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
    std::string_view value = word;
    if (take_until(value, '=') != "candor.exit_port") continue;
    const auto port = parse_number(value);
    if (!port || *port > 0xffff)
      give_up("candor.exit_port={}: it is a port's number, up to 65535", {FormatArgument(value)});
    host.exit_port = static_cast<std::uint16_t>(*port);
  }
}

bool released;  // atomic: the others may enter the kernel

}  // namespace

extern "C" [[noreturn]] void hardware_start(std::uint32_t magic, std::uint32_t info_at) {
  constexpr std::uint32_t kMultiboot2 = 0x36d76289;
  kernel::first_uart.start();
  const char* memory = nullptr;
  __asm__("" : "+r"(memory));  // physical address 0 is an address like any other here
  auto info = magic == kMultiboot2 ? read_multiboot2(memory, info_at) : read_pvh(memory, info_at);
  if (!info.ok()) give_up("the loader tells nothing of this machine's memory");
  boot_info = *info;
  read_own_arguments();
  auto machine = read_acpi(memory, kMapped, boot_info.rsdp);
  if (!machine.ok())
    give_up(machine.error() == AcpiError::kNoMadt ? "ACPI's tables do not tell of processors"
                                                  : "ACPI's tables are not to be found below 4 GiB");
  host.machine = *machine;
  if (host.machine.processors == 0) give_up("ACPI's tables tell of no processor");

  const Layout layout = lay_out(host.machine.processors);
  Processor::all = reinterpret_cast<Processor*>(layout.processors);
  Processor::count = static_cast<std::uint32_t>(host.machine.processors);
  __builtin_memset(static_cast<void*>(Processor::all), 0, Processor::count * sizeof(Processor));
  host.tables = PageTables(layout.tables, layout.end);
  map_everything(layout);

  LocalApic::find(host.machine.local_apic);
  fill_area(layout);
  __builtin_memcpy(reinterpret_cast<void*>(kTrampolinePage), hardware_trampoline,
                   static_cast<std::size_t>(hardware_trampoline_end - hardware_trampoline));
  // From here on only what map_everything() maps is there, and rights hold.
  write_cr3(host.tables.root());
  set_up_processor(0);
  silence_old_controllers();
  use_own_timer();
  const Frequencies frequencies = measure_frequencies(host.machine);
  use_timer(frequencies.tsc_hz, frequencies.apic_timer_hz);
  start_clock(frequencies.tsc_hz);
  Processor::count = host.page->vcpu_count = host.page->fair_vcpus = start_others();
  host.page->features |= (read_cr4() >> 16 & 1) != 0 ? CANDOR_FEATURE_FSGSBASE : 0u;
  const bool button = listen_to_power_button();
  if (kernel::first_uart.started()) {
    host.page->features |= CANDOR_FEATURE_UART;
    host.serial_interrupts = route(host.machine, 4, kSerialVector, Processor::all[0].apic_id);
    if (host.serial_interrupts) host.page->features |= CANDOR_FEATURE_INPUT;
  }

  if (boot_info.cmdline_cut)
    say("the command line was cut after {} bytes", {FormatArgument(sizeof boot_info.cmdline - 1)});
  if (host.machine.processors_left_out != 0)
    say("{} processors more than {} are left alone",
        {FormatArgument(host.machine.processors_left_out), FormatArgument(Machine::kMostProcessors)});
  say("by {}, {} MiB, {} processors, {}, {}, TSC {} MHz by {}{}",
      {FormatArgument(boot_info.loader), FormatArgument(host.page->ram_bytes >> 20),
       FormatArgument(Processor::count), FormatArgument(LocalApic::is_x2() ? "x2APIC" : "xAPIC"),
       FormatArgument(frequencies.apic_timer_hz == 0 ? "TSC deadlines" : "one-shot timer"),
       FormatArgument(frequencies.tsc_hz / 1'000'000), FormatArgument(frequencies.source),
       FormatArgument(button ? "" : ", no power button")});
  kernel::kernel.dedicated = true;
  __atomic_store_n(&released, true, __ATOMIC_RELEASE);
  hardware_enter_kernel(CANDOR_AREA_BASE, 0, boot_stack_of(0));
}

extern "C" [[noreturn]] void hardware_start_processor(std::uint32_t index) {
  write_cr3(host.tables.root());
  set_up_processor(index);
  use_own_timer();
  __atomic_store_n(&started[index], true, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE)) kernel::relax();
  hardware_enter_kernel(CANDOR_AREA_BASE, index, boot_stack_of(index));
}

}  // namespace candor::hardware
