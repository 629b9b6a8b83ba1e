// A thread that sleeps or parks within a job is still in that job for the host.
#include "guest/vcpu.h"
#include "tests/guests/verdict.h"

namespace {

using namespace candor;

constexpr std::uint64_t kJobs = 20;
constexpr Duration kPeriod = milliseconds(10);

std::uint32_t volatile slot = CANDOR_NO_THREAD;
std::uint64_t volatile job, release, seen;
bool volatile blocks, done;

/// Looks at the job line of the other thread until it goes on.
void look() {
  const candor_thread& line = kernel::thread_slot(slot);
  while (kernel::peek(line.state) != CANDOR_THREAD_BLOCKED)
    if (!blocks || now() > Time{static_cast<std::int64_t>(release)} + kPeriod) return;
  const std::uint64_t said_job = kernel::peek(line.job), said_release = kernel::peek(line.release_ns);
  if (!blocks) return;
  test::expect(said_job == job, "job {} is said to be {}", std::uint64_t{job}, said_job);
  test::expect(said_release == release, "job {}: release {} is said to be {}", std::uint64_t{job},
               std::uint64_t{release}, said_release);
  seen = seen + 1;
}

void run_jobs() {
  {
    kernel::Masked masked;
    slot = kernel::Vcpu::here().current().slot;
  }
  Periodic jobs(kPeriod, {}, now());
  for (std::uint64_t k = 0; k < kJobs && jobs.wait_next(); k++) {
    kernel::Masked masked;
    job = static_cast<std::uint64_t>(kernel::Vcpu::here().current().grid.next() - 1);
    release = kernel::wire(jobs.release());
    blocks = true;
    const Time until = now() + milliseconds(3);
    if (k % 2 == 0)
      this_thread::sleep_until(until);
    else
      while (now() < until) this_thread::park(until);
    blocks = false;
  }
  done = true;
}

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  const Thread thread = Thread::create("blocking", Terms::deadline(kPeriod, microseconds(500)), run_jobs);
  print("blocking: {}\n", thread.claim().admitted() ? "admitted" : thread.claim().why());
  while (!done) {
    if (blocks) {
      if (kernel::kernel.aware) look();
      // Once for each job.
      while (blocks) this_thread::sleep_for(microseconds(200));
    }
    this_thread::sleep_for(microseconds(200));
  }
  if (kernel::kernel.aware)
    test::expect(seen > kJobs / 2, "seen in {} of {} jobs", std::uint64_t{seen}, kJobs);
  return test::pass("blocks_within_a_job");
}
