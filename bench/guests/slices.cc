// Fair threads that say what they expect, for the benchmark of slices. The main thread runs for `work` every
// `period` and measures from each release to the end of its job, or never rests. What it says is
// `expected`, true or not.
//   wakes PERIOD WORK EXPECTED | endless EXPECTED
#include "guest/sdk.h"
#include "guest/work.h"

namespace {

using namespace candor;

constexpr std::size_t kMost = 20'000;
std::int64_t latencies[kMost];

// Shell sort: enough for what is sorted once, at the end.
void sort(std::size_t count) {
  for (std::size_t gap = count / 2; gap > 0; gap /= 2)
    for (std::size_t i = gap; i < count; i++)
      for (std::size_t k = i; k >= gap && latencies[k] < latencies[k - gap]; k -= gap) {
        const std::int64_t t = latencies[k];
        latencies[k] = latencies[k - gap];
        latencies[k - gap] = t;
      }
}

int wake_up(Duration period, Duration work_time, Duration expected) {
  const Work work = Work::calibrate();
  this_thread::set_terms(Terms::fair(expected));
  std::size_t count = 0;
  {
    Periodic jobs(period, {}, now() + period);
    while (jobs.wait_next() && !stopping()) {
      work.spend(work_time);
      if (count < kMost) latencies[count++] = (now() - jobs.release()).ns;
    }
  }
  if (count == 0) return 1;
  sort(count);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < count; i++) sum += latencies[i];
  print("slices: jobs={} mean_ns={} p50_ns={} p90_ns={} p99_ns={} max_ns={}\n", count,
        sum / static_cast<std::int64_t>(count), latencies[count / 2], latencies[count * 9 / 10],
        latencies[count * 99 / 100], latencies[count - 1]);
  return 0;
}

int go_on(Duration expected) {
  this_thread::set_terms(Terms::fair(expected));
  while (!stopping()) {
    Work::do_units(16);
    this_thread::add_work(16);
  }
  return 0;
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  Duration times[3] = {};
  for (std::size_t i = 1; i < arguments.size() && i <= 3; i++) {
    const auto time = parse_duration(arguments[i]);
    if (!time) {
      print("slices: '{}' is no time, such as 300us\n", arguments[i]);
      return 2;
    }
    times[i - 1] = *time;
  }
  if (arguments.size() == 4 && arguments[0] == "wakes") return wake_up(times[0], times[1], times[2]);
  if (arguments.size() == 2 && arguments[0] == "endless") return go_on(times[0]);
  print("slices: write wakes PERIOD WORK EXPECTED, or endless EXPECTED\n");
  return 2;
}
