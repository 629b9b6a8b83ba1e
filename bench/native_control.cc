#include "bench/native_control.h"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <thread>

#include "base/work.h"
#include "os/sched_policy.h"

namespace candor::bench {
namespace {

constexpr int kWatchdogPriority = 99, kHighestPriority = 50;
constexpr int kWatchdogStatus = 70;

Time read_clock(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return {t.tv_sec * 1'000'000'000 + t.tv_nsec};
}
Time now() {
  return read_clock(CLOCK_MONOTONIC);
}

/// Waits as a vCPU does, on a futex that nobody wakes: control and guests differ in everything but this.
void sleep_until(Time until) {
  static std::atomic<std::uint32_t> word{0};
  const timespec at{until.ns / 1'000'000'000, until.ns % 1'000'000'000};
  while (now() < until)
    syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, &at, nullptr,
            FUTEX_BITSET_MATCH_ANY);
}

int pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

/// A reserve above the work by about as much as guests have, tolerance included; the fair server's 5 % and
/// two such threads of 83 % in all are still below what the kernel admits to a processor.
Duration budget_for(const ControlThread& thread) {
  return std::min(thread.work + Duration{thread.work.ns / 32} + microseconds(50), thread.period);
}

std::int64_t run_delay() {
  std::ifstream file(fmt::format("/proc/self/task/{}/schedstat", gettid()));
  std::int64_t ran = 0, delayed = 0;
  file >> ran >> delayed;
  return delayed;
}

struct Run {
  Time epoch, stop;
  std::uint64_t steps_per_ms = 0;
  std::atomic<bool> over{false};
};

void run_periodic(const Run& run, const ControlThread& plan, ControlThreadResult& result) {
  const auto newest_due = [&](Time t) { return t < run.epoch ? -1 : (t - run.epoch).ns / plan.period.ns; };
  const std::int64_t releases = newest_due(run.stop - nanoseconds(1)) + 1;
  // Release k is at epoch + k * period. A job that is a whole period late would only make the next one late,
  // so it is passed over. This is what the guest kernel's periodic threads do.
  for (std::int64_t k = 0;; k++) {
    const std::int64_t newest = std::min(newest_due(now()), releases);
    if (newest > k) {
      result.skipped += static_cast<std::uint64_t>(newest - k);
      k = newest;
    }
    if (k >= releases) return;
    const Time release = run.epoch + plan.period * k;
    sleep_until(release);
    result.latencies_ns.push_back((now() - release).ns);
    const std::uint64_t units = spend_work([] { return static_cast<std::uint64_t>(now().ns); },
                                           static_cast<std::uint64_t>(plan.work.ns), run.steps_per_ms);
    if (units == 0) result.wrong_result = true;
    if (now() > release + plan.period) result.misses++;
    result.jobs++;
    result.work_units += units;
  }
}

void run_batch(const Run& run, ControlThreadResult& result) {
  constexpr std::uint64_t kAtOnce = 16;
  const std::uint64_t right = work_result(kAtOnce * kStepsPerWorkUnit);
  sleep_until(run.epoch);
  while (!run.over.load(std::memory_order_relaxed)) {
    if (work_unit(kAtOnce * kStepsPerWorkUnit) != right) result.wrong_result = true;
    result.work_units += kAtOnce;
  }
}

/// Ends the run in time, and the process if that does not help: real-time
/// threads that never end would take the whole machine along.
void watch(Run& run, std::atomic<int>& running) {
  sleep_until(run.stop);
  run.over.store(true, std::memory_order_relaxed);
  const Time limit = run.stop + seconds(2);
  while (running.load() != 0) {
    if (now() >= limit) _exit(kWatchdogStatus);
    sleep_until(std::min(limit, now() + milliseconds(20)));
  }
}

}  // namespace

std::int64_t percentile(std::vector<std::int64_t>& values, double percent) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

std::vector<int> rate_monotonic(const std::vector<ControlThread>& threads) {
  std::vector<int> priorities(threads.size(), 0);
  for (std::size_t i = 0; i < threads.size(); i++) {
    if (threads[i].period.ns == 0) continue;
    priorities[i] = kHighestPriority;
    for (std::size_t j = 0; j < threads.size(); j++) {
      const bool before =
          threads[j].period < threads[i].period || (threads[j].period == threads[i].period && j < i);
      if (threads[j].period.ns != 0 && before) priorities[i]--;
    }
  }
  return priorities;
}

Result<ControlResult, std::string> run_control(const ControlPlan& plan) {
  if (const int error = pin_to(plan.processor); error != 0)
    return Error{fmt::format("processor {}: {}", plan.processor, std::strerror(error))};
  ControlResult result;
  result.policy = plan.policy;
  result.threads.resize(plan.threads.size());
  result.steps_per_ms = work_steps_per_ms([] { return static_cast<std::uint64_t>(now().ns); });

  // Tried by threads of their own, since what they become does not concern this one.
  const auto try_in_thread = [](auto become) {
    int error = 0;
    std::thread([&] { error = become(); }).join();
    return error;
  };
  if (const int error = try_in_thread([] { return set_fifo(0, kWatchdogPriority); }); error != 0)
    return Error{fmt::format("SCHED_FIFO: {}; run as root or with CAP_SYS_NICE, in a cgroup that permits it",
                             std::strerror(error))};
  if (plan.policy == RealtimePolicy::kDeadline) {
    // Refused to pinned threads on most hosts, and then to all of them alike.
    const int error = try_in_thread([] { return set_deadline(0, milliseconds(1), milliseconds(100)); });
    if (error != 0) {
      result.policy = RealtimePolicy::kFifo;
      result.policy_note =
          fmt::format("SCHED_DEADLINE for a thread pinned to one processor: {}", std::strerror(error));
    }
  }

  Run run;
  run.steps_per_ms = result.steps_per_ms;
  run.epoch = now() + milliseconds(100);
  run.stop = run.epoch + plan.duration;
  const std::vector<int> priorities = rate_monotonic(plan.threads);
  for (std::size_t i = 0; i < plan.threads.size(); i++) {
    if (const std::int64_t period = plan.threads[i].period.ns; period != 0)
      result.threads[i].latencies_ns.reserve(static_cast<std::size_t>(plan.duration.ns / period + 2));
  }

  std::atomic<int> running{static_cast<int>(plan.threads.size())}, failure{0};
  const auto body = [&](std::size_t i) {
    const ControlThread& thread = plan.threads[i];
    ControlThreadResult& own = result.threads[i];
    if (thread.period.ns == 0) {
      run_batch(run, own);
    } else {
      const int error = result.policy == RealtimePolicy::kDeadline
                            ? set_deadline(0, budget_for(thread), thread.period)
                            : set_fifo(0, priorities[i]);
      if (error == 0)
        run_periodic(run, thread, own);
      else
        failure = error;
    }
    own.cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID).ns;
    own.delay_ns = run_delay();
    --running;
  };
  // The watchdog first, so that it is there before anything that it watches.
  std::thread watchdog([&] {
    set_fifo(0, kWatchdogPriority);
    watch(run, running);
  });
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < plan.threads.size(); i++) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
  watchdog.join();
  if (failure != 0) return Error{fmt::format("real-time policy: {}", std::strerror(failure))};
  return result;
}

}  // namespace candor::bench
