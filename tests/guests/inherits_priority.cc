// A real-time thread takes a mutex that fair threads hold now and then, among
// others that want the processor: it waits for the critical section, never for
// the others. Without inheritance it would often wait for their time slices.
#include "guest/vcpu.h"
#include "guest/work.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr std::uint64_t kJobs = 200;
constexpr Duration kCritical = microseconds(200), kBound = milliseconds(2);

std::uint64_t volatile before, after;
bool volatile done;

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex mutex("shared");
  const Work work = Work::calibrate();
  const std::uint64_t critical = work.units_in(kCritical);
  const Terms terms =
      Terms::deadline(milliseconds(5), microseconds(500)).blocked_for(kCritical + microseconds(50));
  const Thread thread = Thread::create("urgent", terms, [terms] {
    {
      kernel::Masked masked;
      const std::uint32_t slot = kernel::Vcpu::here().current().slot;
      test::expect(kernel::thread_slot(slot).blocking_ns == static_cast<std::uint64_t>(terms.blocking.ns),
                   "the claim does not tell for how long it may wait");
    }
    Duration longest;
    std::uint64_t late = 0;
    Periodic jobs(milliseconds(5));
    for (std::uint64_t job = 0; job < kJobs && jobs.wait_next(); job++) {
      const Time begin = now();
      Lock lock(mutex);
      const Duration waited = now() - begin;
      test::expect(before == after, "two in the critical section");
      if (waited > longest) longest = waited;
      if (waited > kBound) late++;
    }
    print("longest wait {}, {} of {} over {}\n", longest, late, kJobs, kBound);
    test::expect(late <= kJobs / 50, "{} of {} waits took longer than {}", late, kJobs, kBound);
    done = true;
  });
  print("urgent: {}\n", thread.claim().admitted() ? "admitted" : thread.claim().why());
  for (const char* name : {"holder1", "holder2"})
    Thread::create(name, Terms::fair(), [critical] {
      for (;;) {
        {
          Lock lock(mutex);
          before = before + 1;
          Work::do_units(critical);
          after = after + 1;
        }
        Work::do_units(critical);
      }
    });
  for (const char* name : {"busy1", "busy2"})
    Thread::create(name, Terms::fair(), [] {
      for (;;) Work::do_units(100);
    });
  const Time patience = now() + seconds(20);
  while (!done) {
    test::expect(now() < patience, "no end after {} critical sections", std::uint64_t{before});
    this_thread::sleep_for(milliseconds(20));
  }
  test::expect(before > 100, "only {} critical sections", std::uint64_t{before});
  return test::pass("inherits_priority");
}
