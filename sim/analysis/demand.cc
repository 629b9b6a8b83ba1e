#include "sim/analysis/demand.h"

#include <algorithm>
#include <functional>

namespace candor::sim::analysis {
namespace {

// How many jobs of `task` can be released and due in an interval of length t.
std::int64_t jobs_within(const Task& task, Duration t) {
  return t < task.relative_deadline ? 0 : (t - task.relative_deadline).ns / task.period.ns + 1;
}

// The work of these jobs, and of the one before them as far as it can reach into the interval.
Duration work_within(const Task& task, Duration t) {
  return task.work * jobs_within(task, t);
}
Duration carried_in(const Task& task, Duration t) {
  const Duration rest = t - task.period * jobs_within(task, t);
  return std::clamp(rest, Duration{}, task.work);
}

// By how much demand can exceed utilisation * t when deadlines are shorter than periods.
double deadline_burst(std::span<const Task> tasks) {
  double sum = 0;
  for (const Task& task : tasks)
    sum += task.utilisation() * static_cast<double>((task.period - task.relative_deadline).ns);
  return sum;
}

}  // namespace

Duration EdfDemand::at(Duration t) const {
  Duration sum;
  for (const Task& task : tasks_) sum += work_within(task, t);
  return sum;
}

Duration EdfDemand::first_corner() const {
  return next_corner(Duration{});
}

Duration EdfDemand::next_corner(Duration t) const {
  Duration next{INT64_MAX};
  for (const Task& task : tasks_)
    next = std::min(next, task.relative_deadline + task.period * jobs_within(task, t));
  return next;
}

double EdfDemand::rate() const {
  return utilisation(tasks_);
}

double EdfDemand::burst() const {
  return deadline_burst(tasks_);
}

// While the job of `k` waits all processors are busy, so no other task delays it for longer than it waits,
// and its own earlier jobs for no longer than its release is away. At most processors - 1 tasks carry work
// in: otherwise the busy interval would have begun earlier.
Duration GlobalEdfDemand::at(Duration t) const {
  const Task& own = tasks_[k_];
  Duration sum = own.work * processors_;
  carried_in_.clear();
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Duration own_job = i == k_ ? own.work : Duration{};
    const Duration most = i == k_ ? t - own.relative_deadline : t - own.work;
    const Duration without = std::min(work_within(tasks_[i], t) - own_job, most);
    const Duration with = std::min(work_within(tasks_[i], t) + carried_in(tasks_[i], t) - own_job, most);
    sum += without;
    carried_in_.push_back((with - without).ns);
  }
  const std::size_t carriers = std::min<std::size_t>(processors_ - 1, carried_in_.size());
  std::partial_sort(carried_in_.begin(), carried_in_.begin() + static_cast<std::ptrdiff_t>(carriers),
                    carried_in_.end(), std::greater<>());
  for (std::size_t i = 0; i < carriers; ++i) sum += Duration{carried_in_[i]};
  return sum;
}

// A task's part changes its slope where a job of it becomes due, where the one that is carried in begins and
// ends, and where its limit ceases to be the smaller one.
Duration GlobalEdfDemand::next_corner(Duration t) const {
  const Task& own = tasks_[k_];
  Duration next{INT64_MAX};
  const auto consider = [&](Duration corner) {
    if (t < corner && corner < next) next = corner;
  };
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Task& task = tasks_[i];
    const std::int64_t jobs = jobs_within(task, t);
    const std::int64_t periods = t.ns / task.period.ns;
    consider(task.relative_deadline + task.period * jobs);
    consider(task.period * (periods + 1));
    consider(task.period * periods + task.work);
    const Duration limit_begins = i == k_ ? own.relative_deadline - own.work : own.work;
    consider(limit_begins + task.work * jobs);
    consider(limit_begins + task.work * (jobs + 1));
  }
  return next;
}

double GlobalEdfDemand::rate() const {
  return utilisation(tasks_);
}

double GlobalEdfDemand::burst() const {
  std::vector<std::int64_t> work;
  for (const Task& task : tasks_) work.push_back(task.work.ns);
  std::sort(work.begin(), work.end(), std::greater<>());
  double sum = deadline_burst(tasks_) + static_cast<double>(tasks_[k_].work.ns) * (processors_ - 1);
  for (std::size_t i = 0; i < work.size() && i + 1 < processors_; ++i) sum += static_cast<double>(work[i]);
  return sum;
}

}  // namespace candor::sim::analysis
