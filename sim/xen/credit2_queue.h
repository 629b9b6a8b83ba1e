// One run queue of Xen's Credit2: who waits, in order of credit, and what credit is.
//
// Source: xen/common/sched/credit2.c, "Design", "Basic constants" and "Load tracking and load balancing"
// (docs/simulator-rivals.md says which version).
//
//  Q1  A vCPU begins with 10 ms of credit. The greatest weight of the queue burns a nanosecond of it each
//      nanosecond, others in proportion to greatest weight / weight. It never falls below -10 ms.
//  Q2  The queue is in order of credit, and of arrival where that is equal.
//  Q3  At a reset all vCPUs of the queue, also those that sleep, get 10 ms, and keep at most 10.5; 20 ms
//  where
//      the one that is to run has fallen to the least.
//  Q4  Load is the number of vCPUs that run or wait, averaged exponentially over 2^30 ns; so is that of a
//  vCPU.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "sim/model.h"

namespace candor::sim {

/// An exponentially weighted average of something that changes in steps (Q4).
class LoadAverage {
 public:
  LoadAverage(double average, Time now) : average_(average), since_(now) {}

  /// It is `load` from now on.
  void change(double load, Time now);
  [[nodiscard]] double at(Time now) const;
  [[nodiscard]] double load() const { return load_; }
  /// What is expected of a vCPU that comes, or goes.
  void shift(double by);

 private:
  double average_;
  double load_ = 0;
  Time since_;
};

class Credit2Queue;

struct Credit2Unit {
  Vcpu* vcpu = nullptr;
  std::int64_t weight = 100;
  Credit2Queue* queue = nullptr;
  Duration credit;
  std::int64_t residual = 0;           // of burning, below a nanosecond
  std::uint32_t processor = 0;         // where it runs, ran, or is to run first
  std::uint32_t tickled = kNowhere;    // the processor that was told to take it
  bool active = false;                 // it runs or waits
  bool scheduled = false;              // it runs
  Time since;                          // it runs
  Time until;                          // it may run before its processor is scheduled again
  Credit2Queue* migrate_to = nullptr;  // once it does not run
  LoadAverage load{0.5, {}};
};

class Credit2Queue {
 public:
  static constexpr Duration kInitial = milliseconds(10), kLeast = milliseconds(-10);
  static constexpr Duration kCarryover = microseconds(500);

  Credit2Queue(std::uint32_t first, std::uint32_t count) : first_(first), count_(count), next_(first) {}

  /// The processors that serve it: first(), ... first() + count() - 1.
  [[nodiscard]] std::uint32_t first() const { return first_; }
  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] std::uint32_t after(std::uint32_t processor) const;
  /// Its processors in turn, for those who come.
  std::uint32_t next_processor();

  [[nodiscard]] const std::vector<Credit2Unit*>& members() const { return members_; }
  void assign(Credit2Unit& unit, Time now);
  void remove(Credit2Unit& unit, Time now);

  /// Those that wait, first the one with most credit.
  [[nodiscard]] const std::vector<Credit2Unit*>& waiting() const { return waiting_; }
  void insert(Credit2Unit& unit);
  void erase(Credit2Unit& unit);

  void burn(Credit2Unit& unit, Duration ran) const;
  /// How long it takes the unit to burn so much.
  [[nodiscard]] Duration time_of(const Credit2Unit& unit, Duration credit) const;
  void reset(const Credit2Unit& next);

  LoadAverage load{0, {}};

 private:
  std::uint32_t first_, count_, next_;
  std::int64_t greatest_weight_ = 1;
  std::vector<Credit2Unit*> members_;
  std::vector<Credit2Unit*> waiting_;
};

}  // namespace candor::sim
