// A real-time thread that in each of its jobs takes a mutex which two fair threads hold half of the time, for
// the benchmark of switches. Work is counted in the fair ones' critical sections.
#include <algorithm>
#include <vector>

#include "guest/sdk.h"
#include "guest/work.h"

namespace {

using namespace candor;

constexpr Duration kPeriod = milliseconds(5), kWork = microseconds(300), kCritical = microseconds(100);

}  // namespace

int candor::guest_main(Arguments /*arguments*/) {
  static Mutex mutex("shared");
  static std::vector<std::int64_t> waits_ns;
  waits_ns.reserve(10'000);
  const std::uint64_t critical = Work::calibrate().units_in(kCritical);
  const auto in_turns = [critical] {
    while (!stopping()) {
      {
        const Lock lock(mutex);
        Work::do_units(critical);
      }
      this_thread::add_work(1);
      Work::do_units(critical);
    }
  };
  // What it does itself takes a third of its budget.
  const Terms terms = Terms::deadline(kPeriod, kWork).blocked_for(kCritical * 2);
  const Thread urgent = Thread::create("urgent", terms, [critical] {
    Periodic jobs(kPeriod);
    while (jobs.wait_next() && !stopping() && waits_ns.size() < waits_ns.capacity()) {
      const Time begin = now();
      const Lock lock(mutex);
      waits_ns.push_back((now() - begin).ns);
      Work::do_units(critical);
    }
  });
  const Thread holders[] = {Thread::create("holder1", Terms::fair(), in_turns),
                            Thread::create("holder2", Terms::fair(), in_turns)};
  if (!urgent.claim().admitted()) print("shares_mutex: refused: {}\n", urgent.claim().why());
  urgent.join();
  for (const Thread& holder : holders) holder.join();
  if (waits_ns.empty()) return 1;
  std::sort(waits_ns.begin(), waits_ns.end());
  print("shares_mutex: waits={} p50_ns={} p99_ns={} max_ns={}\n", waits_ns.size(),
        waits_ns[waits_ns.size() / 2], waits_ns[waits_ns.size() * 99 / 100], waits_ns.back());
  return 0;
}
