// A real-time thread hands each job's result to a fair one on another vCPU.
#include <atomic>

#include "tests/guests/verdict.h"

int candor::guest_main(Arguments /*arguments*/) {
  constexpr int kJobs = 200;
  static std::atomic<int> produced{0};
  const Thread main = this_thread::get();
  const Thread producer =
      Thread::create("producer", Terms::deadline(milliseconds(2), microseconds(100)), [main] {
        Periodic jobs(milliseconds(2));
        while (produced < kJobs && jobs.wait_next()) {
          produced++;
          main.unpark();
        }
      });
  print("producer: {}\n", producer.claim().admitted() ? "admitted" : producer.claim().why());
  int wakes = 0;
  for (int seen = 0; seen < kJobs; wakes++) {
    const bool unparked = this_thread::park(now() + seconds(5));
    test::expect(unparked || produced > seen, "no wake-up after job {}", seen);
    seen = produced;
  }
  print("{} wake-ups for {} jobs\n", wakes, kJobs);
  return test::pass("wakes_fair_from_realtime");
}
