// Where no host serves claims the guest does: it admits what fits its vCPUs, says what would, and a thread
// that uses more than its reserve runs as fair until its next period.
#include <atomic>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;

std::atomic<bool> done{false};

void spin() {
  while (!done) {
  }
}

void admits_what_fits() {
  const Terms terms = Terms::deadline(milliseconds(10), milliseconds(4)).on(1);  // 41 %
  const auto sleep = [] { this_thread::park(); };
  const Thread a = Thread::create("one", terms, sleep), b = Thread::create("another", terms, sleep);
  test::expect(a.claim().admitted() && b.claim().admitted(), "two that fit: {}", b.claim().why());
  const Thread c = Thread::create("too much", terms, sleep);
  const Claim no = c.claim();
  test::expect(!no.admitted() && no.reason == CANDOR_REFUSED_BANDWIDTH, "one that does not fit: {}",
               no.why());
  const std::int64_t fits = 1'000'000 - 2 * terms.counted_ppm(terms.budget);
  test::expect(no.fits_ppm == static_cast<std::uint32_t>(fits), "{} would fit, it says {}", fits,
               no.fits_ppm);
  const Thread wrong = Thread::create("wrong", Terms::deadline(milliseconds(1), milliseconds(2)), [] {});
  test::expect(wrong.claim().reason == CANDOR_REFUSED_INVALID, "contradicts itself: {}", wrong.claim().why());
  a.unpark();
  a.join();
  const Thread d = Thread::create("now", terms, [] {});
  test::expect(d.claim().admitted(), "the room of one that has ended: {}", d.claim().why());
  b.unpark();
  c.unpark();
  b.join();
  c.join();
  d.join();
}

/// A thread with these terms that never stops, beside one that fair ones do not displace, has its reserve and
/// no more.
void keeps_to(const Terms& terms) {
  constexpr int kPeriods = 15;
  done = false;
  const Thread liar = Thread::create("liar", terms, spin);
  test::expect(liar.claim().admitted(), "{}", liar.claim().why());
  const Thread other = Thread::create("other", Terms::fixed(1, {}, {}).on(1), spin);
  const Duration before = liar.cpu_time(), others = other.cpu_time();
  const Time begin = now();
  this_thread::sleep_for(terms.period * kPeriods);
  const Duration used = liar.cpu_time() - before, passed = now() - begin;
  print("{} of {} in each {}\n", used, passed, terms.period);
  // An eighth of it is its due. What a shared machine's other work takes of this vCPU is charged to it, too;
  // without a reserve it would have nearly all.
  test::expect(used <= Duration{passed.ns / 2}, "{} of {}", used, passed);
  test::expect(used.ns > 0, "it has not run at all");
  test::expect(other.cpu_time() - others > Duration{passed.ns / 4}, "little is left for others");
  done = true;
  liar.join();
  other.join();
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  admits_what_fits();
  static_cast<void>(this_thread::set_terms(Terms::fixed(99, {}, {}).on(1)));  // no reserve: as everywhere
  keeps_to(Terms::deadline(milliseconds(20), milliseconds(2)).on(1));
  keeps_to(Terms::fixed(50, milliseconds(20), milliseconds(2)).on(1));
  return test::pass("enforces_reserves");
}
