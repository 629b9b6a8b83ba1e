// Any set of periodic and endless threads, from the command line (task.h).
#include "examples/load/task.h"
#include "guest/sdk.h"
#include "guest/work.h"

namespace {

using namespace candor;
using load::Task;

constexpr std::size_t kMostTasks = 63;  // and the main thread: a slot for each

Task tasks[kMostTasks];

constexpr std::int64_t kMillion = 1'000'000;

/// What a job costs besides its work varies: the wake-up, interrupts, a busy
/// sibling of this processor, a host below this host. So each reserve is up to
/// twice the work, as far as the VM is entitled to for all its tasks together, and never
/// less than the work.
void set_reserves(std::size_t count) {
  const auto wish = [](const Task& task) {
    const Duration twice = task.work * 2, margin = Terms::budget_for(task.work);
    const Duration deadline =
        task.terms.relative_deadline.ns != 0 ? task.terms.relative_deadline : task.terms.period;
    const Duration wished = twice > margin ? twice : margin;
    return wished < deadline ? wished : deadline;
  };
  std::int64_t needed_ppm = 0, wished_ppm = 0;
  for (std::size_t i = 0; i < count; i++) {
    if (!tasks[i].terms.realtime()) continue;
    needed_ppm += tasks[i].terms.counted_ppm(tasks[i].work);
    wished_ppm += tasks[i].terms.counted_ppm(wish(tasks[i]));
  }
  if (wished_ppm == needed_ppm) return;
  // What counts for each is rounded up.
  const std::int64_t room_ppm =
      std::int64_t{entitlement_ppm()} - needed_ppm - static_cast<std::int64_t>(count);
  std::int64_t granted_ppm = room_ppm * kMillion / (wished_ppm - needed_ppm);
  if (granted_ppm < 0) granted_ppm = 0;
  if (granted_ppm > kMillion) granted_ppm = kMillion;
  for (std::size_t i = 0; i < count; i++) {
    Task& task = tasks[i];
    if (!task.terms.realtime()) continue;
    const std::int64_t extra = (wish(task) - task.work).ns;
    // In two steps: a minute's work times a million does not fit.
    task.terms.budget = {task.work.ns + extra / kMillion * granted_ppm +
                         extra % kMillion * granted_ppm / kMillion};
  }
}

void run_jobs(const Task& task, const Work& work) {
  Periodic jobs(task.terms.period, task.terms.relative_deadline);
  while (jobs.wait_next()) work.spend(task.work);
}

void run_endlessly() {
  constexpr std::uint64_t kAtOnce = 16;
  for (;;) {
    Work::do_units(kAtOnce);
    this_thread::add_work(kAtOnce);
  }
}

void start(const Task& task, const Work& work) {
  if (!task.terms.realtime()) {
    Thread::create(task.name, task.terms, run_endlessly);
    return;
  }
  const Thread thread = Thread::create(task.name, task.terms, [&task, work] { run_jobs(task, work); });
  const Claim claim = thread.claim();
  if (claim.admitted())
    print("load: {}: {} every {}, admitted\n", task.name, task.work, task.terms.period);
  else
    print("load: {}: {} every {}, refused: {}\n", task.name, task.work, task.terms.period, claim.why());
}

}  // namespace

int candor::guest_main(Arguments arguments) {
  std::size_t count = 0;
  for (std::string_view word : arguments) {
    if (count == kMostTasks) {
      print("load: more than {} threads\n", kMostTasks);
      return 2;
    }
    const auto task = load::parse_task(word);
    if (!task) {
      const load::BadWord& bad = task.error();
      print("load: {}: found '{}', expected {}", word, bad.part, bad.allowed);
      if (bad.reserve.ns != 0)
        print("; this needs a reserve of {}, and the most that fits is {} of work", bad.reserve, bad.most);
      print("\n");
      return 2;
    }
    tasks[count++] = *task;
  }
  if (count == 0) {
    print("load: no thread=NAME:CLASS... on the command line\n");
    return 2;
  }
  set_reserves(count);
  const Work work = Work::calibrate();
  // The endless ones last, or they would keep this thread from starting the others.
  for (const bool realtime : {true, false})
    for (std::size_t i = 0; i < count; i++)
      if (tasks[i].terms.realtime() == realtime) start(tasks[i], work);
  wait_for_shutdown();
  return 0;
}
