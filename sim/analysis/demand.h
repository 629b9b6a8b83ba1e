// How much processor time tasks can demand in an interval of a given length.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/analysis/tasks.h"

namespace candor::sim::analysis {

/// A bound of demand by the length of the interval. It never falls, is continuous from the right, and rises
/// between two corners by a whole number of ns in each ns, which does not fall. Corners are whole
/// nanoseconds. Lengths beyond an hour are not asked for.
class DemandCurve {
 public:
  virtual ~DemandCurve() = default;

  /// What must be supplied in any interval of length `t` >= first_corner(). Shorter intervals demand nothing.
  [[nodiscard]] virtual Duration at(Duration t) const = 0;
  [[nodiscard]] virtual Duration first_corner() const = 0;
  /// The first corner after `t`.
  [[nodiscard]] virtual Duration next_corner(Duration t) const = 0;

  /// For all t: at(t) <= rate() * t + burst(), the latter in ns.
  [[nodiscard]] virtual double rate() const = 0;
  [[nodiscard]] virtual double burst() const = 0;
};

/// The demand bound function of tasks under EDF on one processor: the work of all jobs that can be released
/// and due within the interval, sum of (floor((t - D) / T) + 1) * C. S. K. Baruah, A. K. Mok, L. E. Rosier,
/// "Preemptively Scheduling Hard-Real-Time Sporadic Tasks on One Processor", RTSS 1990. `tasks` are valid, at
/// least one, and outlive this.
class EdfDemand final : public DemandCurve {
 public:
  explicit EdfDemand(std::span<const Task> tasks) : tasks_(tasks) {}
  [[nodiscard]] Duration at(Duration t) const override;
  [[nodiscard]] Duration first_corner() const override;
  [[nodiscard]] Duration next_corner(Duration t) const override;
  [[nodiscard]] double rate() const override;
  [[nodiscard]] double burst() const override;

 private:
  std::span<const Task> tasks_;
};

/// What must be supplied, on `processors` together, for a job of task `k` to meet its deadline under global
/// EDF, by the distance from the start of a busy interval to that deadline. S. Baruah, "Techniques for
/// Multiprocessor Global Schedulability Analysis", RTSS 2007, condition 8; as a demand to be met by a
/// periodic supply: I. Shin, A. Easwaran, I. Lee, "Hierarchical Scheduling Framework for Virtual Clustering
/// of Multiprocessors", ECRTS 2008, theorem 1. The tasks meet their deadlines if all their curves are
/// supplied (sufficient). `tasks` are valid and outlive this; k < tasks.size(); processors > 0.
class GlobalEdfDemand final : public DemandCurve {
 public:
  GlobalEdfDemand(std::span<const Task> tasks, std::size_t k, std::uint32_t processors)
      : tasks_(tasks), k_(k), processors_(processors) {}
  [[nodiscard]] Duration at(Duration t) const override;
  [[nodiscard]] Duration first_corner() const override { return tasks_[k_].relative_deadline; }
  [[nodiscard]] Duration next_corner(Duration t) const override;
  [[nodiscard]] double rate() const override;
  [[nodiscard]] double burst() const override;

 private:
  std::span<const Task> tasks_;
  std::size_t k_;
  std::uint32_t processors_;
  mutable std::vector<std::int64_t> carried_in_;  // of at(): kept for its memory
};

}  // namespace candor::sim::analysis
