// The fair class of one processor: earliest eligible virtual deadline first, as Linux does it since 6.6
// (kernel/sched/fair.c; Stoica and Abdel-Wahab, Earliest Eligible Virtual Deadline First, 1995).
//
//  F1  Virtual time of a vCPU advances by run time / weight. Its lag is the queue's weighted average less
//  that;
//      it is eligible while its lag is not negative.
//  F2  Of the eligible ones the earliest virtual deadline is picked: virtual time at the request + slice /
//  weight. F3  One that runs, and is eligible, goes on until its request is done (RUN_TO_PARITY). F4  Lag is
//  kept over sleep and migration, within two slices.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace candor::sim {

struct FairEntity {
  std::int64_t weight = 1600;  // a sixteenth of a VM's: 1600 is ordinary
  std::int64_t vruntime = 0;   // in 2^-10 ns of an ordinary vCPU
  std::int64_t vdeadline = 0;  // of the current request
  std::int64_t lag = 0;        // while not queued
  std::uint32_t id = 0;        // breaks ties
  bool picked = false;         // and its request is not done (F3)
};

class FairQueue {
 public:
  explicit FairQueue(Duration slice = milliseconds(3)) : slice_(slice) {}

  void add(FairEntity& entity);
  void remove(FairEntity& entity);
  /// `current`: the one that runs, if it is of this queue. None if the queue is empty.
  FairEntity* pick(FairEntity* current);
  /// A member has run for so long.
  void charge(FairEntity& entity, Duration ran);
  /// How much longer a member runs until its request is done.
  [[nodiscard]] Duration until_done(const FairEntity& entity) const;

  [[nodiscard]] bool empty() const { return members_.empty(); }
  [[nodiscard]] const std::vector<FairEntity*>& members() const { return members_; }
  [[nodiscard]] std::int64_t load() const { return load_; }

 private:
  [[nodiscard]] std::int64_t average() const;
  [[nodiscard]] std::int64_t virtual_slice(const FairEntity& entity) const;

  Duration slice_;
  std::vector<FairEntity*> members_;  // also the one that runs
  std::int64_t load_ = 0;             // sum of weights
  std::int64_t floor_ = 0;            // virtual time of the queue while it is empty
};

}  // namespace candor::sim
