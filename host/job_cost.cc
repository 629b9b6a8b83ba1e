#include "host/job_cost.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <future>
#include <semaphore>
#include <thread>
#include <vector>

#include "host/host_scheduler.h"
#include "host/rank_writer.h"
#include "host/run_clock.h"
#include "os/fd.h"

namespace candor::host {
namespace {

// Plain ones and looks in turn, so that a disturbance that lasts meets both.
constexpr std::uint32_t kActivations = 40;
// Rare enough that the processor is back at the interrupted thread's work, often enough to be done soon.
constexpr Duration kPeriod = microseconds(250);
static_assert(kPeriod * (kActivations + 2) < kMeasureLimit);

constexpr bool is_look(std::uint32_t activation) {
  return activation % 2 == 1;
}

timespec to_timespec(Time at) {
  return {.tv_sec = at.ns / seconds(1).ns, .tv_nsec = at.ns % seconds(1).ns};
}

Duration median(std::span<const ActivationSample> samples, Duration (*value)(const ActivationSample&)) {
  std::array<Duration, kActivations> values;
  const auto end = std::transform(samples.begin(), samples.end(), values.begin(), value);
  const auto middle = values.begin() + (end - values.begin()) / 2;
  std::nth_element(values.begin(), middle, end);
  return *middle;
}

/// Makes the calling thread the one that is interrupted, for as long as it lives: on one processor, and of
/// the lowest real-time rank. As an ordinary thread it lost as much to each activation, where nothing else
/// ran (docs/decisions/0011), but on a busy host it had the processor too seldom to see enough of them.
class Interrupted {
 public:
  explicit Interrupted(int processor) {
    if (sched_getaffinity(0, sizeof affinity_, &affinity_) != 0) error_ = errno;
    // The rank first: an ordinary thread that is moved to a busy processor waits there for its turn.
    else if (const auto raised = ranks_.set_fifo(0, 1); !raised.ok())
      error_ = raised.error();
    else if (const auto pinned = RankWriter::pin(0, {&processor, 1}); !pinned.ok())
      error_ = pinned.error();
  }
  ~Interrupted() {
    (void)ranks_.set_ordinary(0).ok();
    sched_setaffinity(0, sizeof affinity_, &affinity_);
  }
  Interrupted(const Interrupted&) = delete;
  Interrupted& operator=(const Interrupted&) = delete;
  [[nodiscard]] int error() const { return error_; }

 private:
  RankWriter ranks_{true};
  cpu_set_t affinity_{};
  int error_ = 0;
};

/// The thread that is activated, from begin() on. It ends by itself, when it has been so kActivations times.
class Activated {
 public:
  Activated(int processor, int level) : processor_(processor), level_(level) {
    std::promise<int> settled;
    auto outcome = settled.get_future();
    thread_ = std::thread([this, promise = std::move(settled)]() mutable {
      const int error = settle();
      promise.set_value(error);
      if (error == 0) run();
    });
    error_ = outcome.get();
    if (error_ == 0) error_ = pthread_getcpuclockid(thread_.native_handle(), &clock_);
  }
  ~Activated() {
    begin_.release();
    thread_.join();
  }
  Activated(const Activated&) = delete;
  Activated& operator=(const Activated&) = delete;

  [[nodiscard]] int error() const { return error_; }
  void begin() { begin_.release(); }
  /// How often it has been activated.
  [[nodiscard]] std::uint32_t count() const { return count_.load(std::memory_order_relaxed); }
  /// What the kernel has charged to it, exact while it sleeps.
  [[nodiscard]] Duration charged() const {
    timespec t{};
    clock_gettime(clock_, &t);
    return seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
  }

 private:
  int settle() {
    prctl(PR_SET_NAME, "candord/cost");
    auto clock = RunClock::open(getpid(), static_cast<pid_t>(syscall(SYS_gettid)));
    if (!clock.ok()) return clock.error();
    run_clock_.emplace(std::move(*clock));
    timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer_.open()) return errno;
    if (const auto raised = ranks_.set_fifo(0, level_); !raised.ok()) return raised.error();
    const auto pinned = RankWriter::pin(0, {&processor_, 1});
    return pinned.ok() ? 0 : pinned.error();
  }

  void run() {
    begin_.acquire();
    Time next = monotonic_now();
    // Once more at the end: the clock of a thread that has ended cannot be read.
    for (std::uint32_t i = 0; i <= kActivations; ++i) {
      next = next + kPeriod;
      const timespec until = to_timespec(next);
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
      if (i == kActivations) return;
      count_.store(i + 1, std::memory_order_relaxed);
      if (is_look(i)) look(next + seconds(1));
    }
  }

  // The system calls of HostScheduler::serve() where two claims share the processor and a job's end changes
  // both their ranks. What it computes itself is below a microsecond (docs/spec.md, P41); being woken by
  // a timer, where a bell needs no interrupt, takes more than that.
  void look(Time timer) {
    for (int claim = 0; claim < 2; ++claim) (void)run_clock_->read();
    for (const int level : {std::max(level_ - 1, 1), level_}) {
      (void)run_clock_->read();
      (void)ranks_.set_fifo(0, level).ok();
    }
    itimerspec spec{};
    spec.it_value = to_timespec(timer);
    timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  const int processor_;
  const int level_;
  RankWriter ranks_{true};
  std::optional<RunClock> run_clock_;
  Fd timer_;
  std::counting_semaphore<2> begin_{0};
  std::atomic<std::uint32_t> count_{0};
  clockid_t clock_{};
  int error_ = 0;
  std::thread thread_;
};

}  // namespace

Duration JobCost::overhead() const {
  const std::int64_t step = kJobOverheadStep.ns;
  const Duration rounded{((activation + look).ns + step - 1) / step * step};
  return std::clamp(rounded, kLeastJobOverhead, kMostJobOverhead);
}

std::optional<JobCost> job_cost_of(std::span<const ActivationSample> plain,
                                   std::span<const ActivationSample> looks) {
  if (plain.size() < kLeastSamples || looks.size() < kLeastSamples) return std::nullopt;
  plain = plain.first(std::min<std::size_t>(plain.size(), kActivations));
  looks = looks.first(std::min<std::size_t>(looks.size(), kActivations));
  // A kernel may charge a part of the interrupt to the thread that it wakes: then nothing is lost besides.
  return JobCost{
      .activation =
          median(plain, [](const ActivationSample& s) { return std::max(s.lost - s.charged, Duration{}); }),
      .look = median(looks, [](const ActivationSample& s) { return s.lost; })};
}

Result<JobCost, int> measure_job_cost(int processor, int level) {
  std::vector<ActivationSample> plain, looks;
  plain.reserve(kActivations);
  looks.reserve(kActivations);
  Activated thread(processor, level);
  if (thread.error() != 0) return Error{thread.error()};
  const Interrupted self(processor);
  if (self.error() != 0) return Error{self.error()};

  thread.begin();
  std::uint32_t seen = 0;
  Duration charged = thread.charged();
  Time earlier = monotonic_now(), last = earlier;
  const Time limit = last + kMeasureLimit;
  while (seen < kActivations && last < limit) {
    const std::uint32_t count = thread.count();
    const Time now = monotonic_now();
    if (count == seen) {
      earlier = last;
      last = now;
      continue;
    }
    // It may have come after the count was read in the turn before, hence `earlier`: two turns are
    // counted with it, a fraction of a microsecond.
    const Duration before = charged;
    charged = thread.charged();
    // Several at once came while a real-time thread of somebody else had the processor.
    if (count == seen + 1) (is_look(seen) ? looks : plain).push_back({now - earlier, charged - before});
    seen = count;
    earlier = last = monotonic_now();
  }
  const auto cost = job_cost_of(plain, looks);
  if (!cost) return Error{ETIME};
  return *cost;
}

}  // namespace candor::host
