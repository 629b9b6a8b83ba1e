// Fair shares: which part of the processors each VM gets beside real-time work, by its weight. The
// host kernel shares each processor by weights, and balances; this corrects what comes out of that.
//
//  H1  A VM is hungry while one of its fair vCPUs waited or ran all of the last interval. Others got
//      what they wanted.
//  H2  What the hungry ones got together is theirs by weight, each capped by the processor with the most room
//      for each hungry vCPU; what a cap leaves over is shared by the others in the same way (max-min
//      fairness).
//  H3  What a VM got less than that is owed to it, and what it got more is held against it, as long as
//      it stays hungry; within kMostOwed.
//  H4  Each hungry vCPU is to get an equal part of its VM's share and of kRepaid of what is owed.
//  H5  vCPUs are placed largest first, each on the processor with the most room; one stays where it is
//      if that is nearly as good. On a processor weights are as what is to be got there.
//
// An interval of 100 ms is long against slices and short against the seconds in which shares count.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sched/types.h"

namespace candor::sched {

/// What a fair vCPU did since the last look.
struct FairUse {
  VmId vm = 0;  // those of a VM stand together
  std::uint32_t vcpu = 0;
  std::uint32_t weight = 100;   // of the VM
  std::uint32_t processor = 0;  // where it ran last; only of a hungry one
  Duration ran;
  Duration waited;  // for a processor
};

/// What it shall have until the next.
struct FairPlace {
  std::uint32_t processor = kNone;  // kNone: any, as it is not hungry
  double weight = 100;              // relative to the others on its processor; 100 is ordinary
};

class Shares {
 public:
  static constexpr Duration kInterval = milliseconds(100);
  static constexpr Duration kMostOwed = seconds(1);
  static constexpr double kRepaid = 0.5;

  /// H1, of one vCPU.
  [[nodiscard]] static bool hungry(const FairUse& use, Duration interval);

  /// For so many vCPUs and processors: nothing allocates later as long as there are no more.
  Shares(std::size_t vcpus, std::uint32_t processors);

  /// The next places, one for each of `uses`. `room`: what each processor has for fair work in an interval.
  /// `interval`: since the last look. Valid until the next call.
  /// O(n log n) for n vCPUs, and for each hungry one a look at each processor.
  std::span<const FairPlace> decide(std::span<const FairUse> uses, std::span<const Duration> room,
                                    Duration interval);

 private:
  struct Vm {
    VmId id = 0;
    std::uint32_t weight = 100;
    std::uint32_t hungry = 0;  // vCPUs
    double got = 0;            // ns, by hungry vCPUs
    double share = 0;
    double owed = 0;
  };

  void gather(std::span<const FairUse> uses, Duration interval);
  void share_out(Duration most_room);

  std::vector<Vm> vms_, before_;
  std::vector<double> wanted_;  // ns, by vCPU; 0: it is not hungry
  std::vector<std::uint32_t> order_;
  std::vector<double> placed_;  // ns, by processor
  std::vector<FairPlace> places_;
};

}  // namespace candor::sched
