// The console. Output and input are two rings in the shared area, the guest's words in the guest page, the
// host's in the host page, all counting bytes modulo 2^32. The UART's registers, where a host has them, lead
// to the same rings, so a change of faces needs nothing but a turn: the console lock.
#include "guest/console.h"

#include <atomic>

#include "guest/kernel_lock.h"
#include "guest/panic.h"
#include "guest/uart.h"
#include "guest/vcpu.h"

namespace candor {
namespace kernel {
namespace {

// How often a console is looked at whose host does not tell of input.
constexpr Duration kInputLook = milliseconds(20);
// The last words have more time: nothing else is to come.
constexpr std::uint32_t kLastPatience = 2'000'000;

// Under the console lock.
constinit ConsoleFace face = ConsoleFace::kUndecided;
std::uint64_t bytes_lost;
ThreadControl* reader;

std::atomic<bool> untold{false};  // there is text of which the host has not been told

std::atomic<std::uint32_t> last_speaker{0};  // the lock token of the vCPU that panics

char* ring() {
  return &own_area_at<char>(CANDOR_OFF_CONSOLE);
}

/// More than `bytes`, since a UART takes a byte only where there is room for a FIFO.
bool has_room(std::size_t bytes) {
  bytes += Uart::kFifo;
  const std::uint32_t used = peek(guest_page().console_head) - peek(host_page().console_tail);
  return used <= CANDOR_CONSOLE_BYTES && bytes <= CANDOR_CONSOLE_BYTES - used;
}

bool start_uart() {
  return host_offers(CANDOR_FEATURE_UART) && first_uart.start();
}

void decide_face() {
  if (face == ConsoleFace::kUndecided) face = start_uart() ? ConsoleFace::kUart : ConsoleFace::kRing;
}

void append(std::string_view text) {
  const std::uint32_t head = guest_page().console_head;
  for (std::size_t i = 0; i < text.size(); i++) ring()[(head + i) % CANDOR_CONSOLE_BYTES] = text[i];
  __atomic_store_n(&guest_page().console_head, head + static_cast<std::uint32_t>(text.size()),
                   __ATOMIC_RELEASE);
}

/// There is room for it.
void write_by_face(std::string_view text) {
  if (face == ConsoleFace::kRing)
    append(text);
  else
    bytes_lost += text.size() - first_uart.write(text);
}

void write_loss() {
  char memory[64];
  TextBuffer buffer(memory, sizeof memory);
  const FormatArgument lost(bytes_lost);
  buffer.format("[{} bytes of console output lost]\n", &lost, 1);
  if (!has_room(buffer.text().size() + kPrintBytes)) return;
  bytes_lost = 0;
  write_by_face(buffer.text());
}

enum class Written : std::uint8_t { kNo, kAndToBeShown, kAndShown };

/// All of it, or nothing when there is no room.
Written try_write(std::string_view text, bool last_try) {
  KernelLock lock(kConsoleLock);
  decide_face();
  if (bytes_lost != 0) write_loss();
  if (has_room(text.size())) {
    write_by_face(text);
    return face == ConsoleFace::kRing ? Written::kAndToBeShown : Written::kAndShown;
  }
  if (last_try) bytes_lost += text.size();
  return Written::kNo;
}

void tell_host() {
  untold.store(false, std::memory_order_relaxed);
  call_host(CANDOR_CALL_RING, CANDOR_BELL_MONITOR);
}

void write_console(std::string_view text) {
  // A thread on a real-time vCPU must not wait for whoever reads the console;
  // nor can one that runs with upcalls masked.
  bool may_wait;
  {
    may_wait = !upcalls_masked();
    Masked masked;
    if (Vcpu::here().realtime()) may_wait = false;
  }
  for (int tries_left = may_wait ? 10 : 0;; tries_left--) {
    const Written written = try_write(text, tries_left == 0);
    Masked masked;
    if (written != Written::kAndShown) tell_host();
    if (written != Written::kNo || tries_left == 0) return;
    Vcpu::block(now() + milliseconds(1));
  }
}

/// The console lock for one who will not give it back; or none, if this vCPU has it already, or nobody who is
/// there.
void take_lock_for_good() {
  const std::uint32_t token = Vcpu::here().lock_token();
  constexpr int kManySpins =
      10'000'000;  // a tenth of a second or more; a holder needs a microsecond, or a UART's text
  for (int spins = 0; spins < kManySpins; spins++) {
    std::uint32_t expected = 0;
    if (__atomic_compare_exchange_n(&lock_word(kConsoleLock), &expected, token, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED) ||
        (expected & CANDOR_LOCK_OWNER) == token)
      return;
    if (spins > 100 && host_offers(CANDOR_FEATURE_LOCK_INHERIT)) {
      call_host(CANDOR_CALL_LOCK_WAIT, kConsoleLock);
      return;
    }
    relax();
  }
}

/// On a machine of its own the ring is passed on to the UART by and by: what goes there by itself comes
/// behind it.
void let_ring_come_first() {
  if (!kernel.dedicated || face == ConsoleFace::kUart) return;
  constexpr int kManyLooks = 10'000'000;
  for (int looks = 0; looks < kManyLooks; looks++) {
    if (peek(host_page().console_tail) == peek(guest_page().console_head)) return;
    call_host(CANDOR_CALL_RING, CANDOR_BELL_MONITOR);
    relax();
  }
}

std::size_t take_input(std::span<char> into) {
  const std::uint32_t tail = guest_page().input_tail;
  std::uint32_t waiting = __atomic_load_n(&host_page().input_head, __ATOMIC_SEQ_CST) - tail;
  const bool was_full = waiting == CANDOR_INPUT_BYTES;
  if (waiting > into.size()) waiting = static_cast<std::uint32_t>(into.size());
  for (std::uint32_t i = 0; i < waiting; i++)
    into[i] = static_cast<char>(peek(host_page().input[(tail + i) % CANDOR_INPUT_BYTES]));
  __atomic_store_n(&guest_page().input_tail, tail + waiting, __ATOMIC_RELEASE);
  if (was_full) call_host(CANDOR_CALL_RING, CANDOR_BELL_MONITOR);  // more may wait for room
  return waiting;
}

std::size_t try_read(std::span<char> into) {
  KernelLock lock(kConsoleLock);
  decide_face();
  // A machine's own UART interrupts, and what comes is in the ring by then.
  const bool by_ring = face == ConsoleFace::kRing || (kernel.dedicated && host_offers(CANDOR_FEATURE_INPUT));
  return by_ring ? take_input(into) : first_uart.read(into);
}

/// Masked.
std::size_t read_console(ThreadControl& self, std::span<char> into, Time until) {
  {
    KernelLock lock(kConsoleLock);
    if (reader != nullptr)
      panic("console::read by {} while {} reads: one thread at a time may", self.name, reader->name);
    reader = &self;
  }
  const bool told = host_offers(CANDOR_FEATURE_INPUT);
  // vCPU 0 hears of it, and wakes the reader wherever it is. Before the look, which is totally ordered behind
  // it.
  if (told) __atomic_store_n(&guest_page().console_listener, 1u, __ATOMIC_SEQ_CST);
  for (;;) {
    if (const std::size_t got = try_read(into); got != 0) return got;
    const Time t = now();
    if (t >= until || kernel.stopping.load() || self.cancelled.load(std::memory_order_relaxed)) return 0;
    Vcpu::block(told || until < t + kInputLook ? until : t + kInputLook);
  }
}

}  // namespace

bool use_console(ConsoleFace wanted) {
  KernelLock lock(kConsoleLock);
  if (wanted == ConsoleFace::kUart) {
    if (!start_uart()) return false;
    let_ring_come_first();
  }
  face = wanted;
  return true;
}

void print_at_boot_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count) {
  if (kernel.dedicated) return print_with(pattern, arguments, count);
  char memory[kPrintBytes];
  TextBuffer buffer(memory, sizeof memory);
  buffer.format(pattern, arguments, count);
  if (try_write(buffer.text(), true) != Written::kAndShown) untold.store(true, std::memory_order_relaxed);
}

void show_what_is_printed() {
  if (untold.load(std::memory_order_relaxed)) tell_host();
}

ConsoleFace console_face() {
  KernelLock lock(kConsoleLock);
  return face;
}

void write_last_words(std::string_view text) {
  const std::uint32_t self = Vcpu::here().lock_token();
  std::uint32_t speaker = 0;
  if (last_speaker.compare_exchange_strong(speaker, self)) {
    take_lock_for_good();
    let_ring_come_first();
    face = start_uart() ? ConsoleFace::kUart : ConsoleFace::kRing;
  } else if (speaker != self) {
    take_lock_for_good();  // which the other does not give back: the first panic is the one to be told
  }
  if (face == ConsoleFace::kUart) {
    first_uart.write(text, kLastPatience);
  } else {
    append(text);
    call_host(CANDOR_CALL_RING, CANDOR_BELL_MONITOR);
  }
}

void wake_console_reader() {
  ThreadControl* t;
  {
    KernelLock lock(kConsoleLock);
    t = reader;
    if (t != nullptr) retain(*t);  // from here on it may go its way, and end
  }
  if (t == nullptr) return;
  Vcpu::wake(*t);
  drop(*t);
}

}  // namespace kernel

std::size_t console::read(std::span<char> into, Time until) {
  using namespace kernel;
  if (into.empty()) return 0;
  Masked masked;
  const std::size_t got = read_console(Vcpu::here().current(), into, until);
  KernelLock lock(kConsoleLock);
  reader = nullptr;
  return got;
}

void print_with(std::string_view pattern, const FormatArgument* arguments, std::size_t count) {
  char memory[kPrintBytes];
  TextBuffer buffer(memory, sizeof memory);
  buffer.format(pattern, arguments, count);
  kernel::write_console(buffer.text());
}

}  // namespace candor
