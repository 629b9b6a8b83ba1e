// The trace of a vCPU tells of what its scheduler did, in this order, and of nothing twice.
#include "guest/trace.h"
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;
using kernel::Vcpu;

/// Where the trace of this vCPU ends now.
std::uint64_t mark() {
  const kernel::Masked masked;
  return Vcpu::here().trace_ring().written();
}

std::uint32_t slot_of(std::string_view name) {
  for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; slot++)
    if (name == kernel::thread_slot(slot).name) return slot;
  return CANDOR_NO_THREAD;
}

constexpr std::uint32_t kAny = ~0u;

/// The next event of this kind and thread from `at` on, which is moved behind it. Others may come between:
/// upcalls, timers, publications.
candor_trace expect_event(std::uint64_t& at, candor_trace_event event, std::uint32_t thread,
                          std::string_view what) {
  const kernel::Masked masked;
  const kernel::TraceRing& ring = Vcpu::here().trace_ring();
  candor_trace record{};
  for (const std::uint64_t begin = at; ring.read(at, record); at++)
    if (record.event == event && (thread == kAny || record.thread == thread)) {
      at++;
      return record;
    } else {
      test::expect(at - begin < 100, "{}: not there", what);
    }
  test::expect(false, "{}: not among the {} events", what, ring.written());
  return record;
}

/// How many of this kind and thread lie from `at` on.
int count_events(std::uint64_t at, candor_trace_event event, std::uint32_t thread) {
  const kernel::Masked masked;
  int count = 0;
  candor_trace record;
  for (; Vcpu::here().trace_ring().read(at, record); at++)
    count += record.event == event && record.thread == thread ? 1 : 0;
  return count;
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static_cast<void>(this_thread::set_terms(Terms::fair().on(1)));  // all of this happens on vCPU 0
  {
    const kernel::Masked masked;
    const candor_guest_vcpu& page = Vcpu::here().page();
    test::expect(page.trace_at != 0 && page.trace_records == 256, "{} records at {:x}", page.trace_records,
                 page.trace_at);
  }
  const std::uint32_t self = slot_of("main");
  static std::atomic<bool> over{false};
  const Thread other = Thread::create("other", Terms::fair().on(1), [] {
    while (!over) (void)this_thread::park();
  });
  this_thread::sleep_for(milliseconds(1));  // it waits now
  const std::uint32_t slot = slot_of("other");

  // Woken, it runs when we give way, and waits again.
  std::uint64_t at = mark();
  const std::uint64_t begin = at;
  const Time before = now();
  other.unpark();
  this_thread::yield();
  this_thread::sleep_for(milliseconds(5));  // longer than any turn, so that no timer is left
  const Time after = now();
  const candor_trace woken = expect_event(at, CANDOR_TRACE_WAKE, slot, "woken");
  test::expect(woken.argument == self, "woken by {}", woken.argument);
  expect_event(at, CANDOR_TRACE_YIELD, self, "main yields");
  const candor_trace runs = expect_event(at, CANDOR_TRACE_DISPATCH, slot, "other runs");
  const candor_trace waits = expect_event(at, CANDOR_TRACE_BLOCK, slot, "other waits");
  test::expect(waits.argument == ~0u, "it waits for {} ns", waits.argument);
  expect_event(at, CANDOR_TRACE_DISPATCH, self, "main goes on");
  const candor_trace sleeps = expect_event(at, CANDOR_TRACE_BLOCK, self, "main sleeps");
  test::expect(sleeps.argument > 0 && sleeps.argument <= 5'000'000, "main sleeps for {} ns", sleeps.argument);
  expect_event(at, CANDOR_TRACE_DISPATCH, CANDOR_TRACE_IDLE, "nobody runs");
  const candor_trace timed = expect_event(at, CANDOR_TRACE_WAKE, self, "main is woken");
  test::expect(timed.argument == CANDOR_TRACE_IDLE, "woken by {}", timed.argument);
  const candor_trace last = expect_event(at, CANDOR_TRACE_DISPATCH, self, "main runs");
  test::expect(count_events(begin, CANDOR_TRACE_DISPATCH, slot) == 1, "other was dispatched again");
  // On the ABI's clock, and in order.
  const std::uint64_t times[] = {static_cast<std::uint64_t>(before.ns),
                                 woken.time_ns,
                                 runs.time_ns,
                                 waits.time_ns,
                                 sleeps.time_ns,
                                 timed.time_ns,
                                 last.time_ns,
                                 static_cast<std::uint64_t>(after.ns)};
  for (std::size_t i = 1; i < std::size(times); i++)
    test::expect(times[i - 1] <= times[i], "time {} goes back", i);

  // What is published is told as well, and only that.
  test::expect((count_events(begin, CANDOR_TRACE_PUBLISH, slot) > 0) == kernel::kernel.publishes,
               "publications");

  // A timer that ends another thread's turn.
  at = mark();
  static std::atomic<bool> seen{false};
  const Thread spinner = Thread::create("spinner", Terms::background().on(1), [] {
    seen = true;
    while (!over) {
    }
  });
  while (!seen) this_thread::sleep_for(milliseconds(1));
  const std::uint32_t spins = slot_of("spinner");
  expect_event(at, CANDOR_TRACE_WAKE, spins, "the spinner comes");
  std::uint64_t anywhere = at;  // the one that fires may have been set for something else before
  expect_event(anywhere, CANDOR_TRACE_TIMER, kAny, "a timer is set");
  expect_event(at, CANDOR_TRACE_DISPATCH, spins, "the spinner runs");
  while ((expect_event(at, CANDOR_TRACE_UPCALL, spins, "the timer fires").argument & CANDOR_PENDING_TIMER) ==
         0) {
  }
  expect_event(at, CANDOR_TRACE_DISPATCH, self, "main displaces it");

  at = mark();
  over = true;
  other.unpark();
  spinner.join();
  expect_event(at, CANDOR_TRACE_END, spins, "the spinner ends");
  other.join();

  // A claim is answered, whatever the answer.
  at = mark();
  const Thread claims = Thread::create("claims", Terms::deadline(milliseconds(10), milliseconds(1)), [] {});
  const Claim claim = claims.claim();
  const candor_trace answer = expect_event(at, CANDOR_TRACE_CLAIM, slot_of("claims"), "a claim is answered");
  test::expect((answer.argument & 0xff) == claim.status && answer.argument >> 8 == claim.reason,
               "answered {:x}", answer.argument);
  claims.join();

  // The oldest are overwritten: no record from before is left after so many.
  at = mark();
  for (int i = 0; i < 300; i++) this_thread::sleep_for(nanoseconds(1));
  for (int i = 0; i < 300; i++) {
    const kernel::Masked masked;
    Vcpu::here().trace(CANDOR_TRACE_YIELD, &Vcpu::here().current(), 0);
  }
  candor_trace record;
  const kernel::Masked masked;
  const kernel::TraceRing& ring = Vcpu::here().trace_ring();
  test::expect(!ring.read(at, record), "an overwritten record is there");
  test::expect(ring.read(ring.written() - 1, record) && ring.read(ring.written() - 255, record),
               "the newest are not there");
  test::expect(!ring.read(ring.written() - 256, record), "the oldest may be under way");
  return test::pass("traces_its_events");
}
