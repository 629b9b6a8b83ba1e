#include "sim/xen/rtds_host.h"

#include <gtest/gtest.h>

#include "sim/host_test.h"

namespace candor::sim {
namespace {

class Rtds : public HostTest<RtdsHost> {};

VcpuPlan with_extratime(Duration budget, Duration period) {
  return server(budget, period, kNowhere, true);
}

// R1
TEST_F(Rtds, PeriodsAreOnAGridFromTheStart) {
  add(server(milliseconds(2), milliseconds(10)), job(milliseconds(9), milliseconds(4)));
  run(milliseconds(25));
  EXPECT_EQ(trace(), "0:- 9:0 12:- 20:0 21:-");
}

// R1, R4: at 9 ms, VM 1 is due at 10, and VM 0 at 12.
TEST_F(Rtds, ADeadlineIsTheEndOfThePeriodWheneverItWakes) {
  add(server(milliseconds(5), milliseconds(12)), job(milliseconds(8), milliseconds(3)));
  add(server(milliseconds(5), milliseconds(10)), job(milliseconds(9), milliseconds(1)));
  run(milliseconds(20));
  EXPECT_EQ(trace(), "0:- 8:0 9:1 10:0 12:-");
}

// R2
TEST_F(Rtds, BudgetIsKeptWhileItSleepsAndLostAtTheEndOfThePeriod) {
  add(server(milliseconds(3), milliseconds(10)), job({}, milliseconds(1)),
      job(milliseconds(6), milliseconds(3)), job(milliseconds(20), milliseconds(4)));
  run(milliseconds(40));
  EXPECT_EQ(trace(), "0:0 1:- 6:0 8:- 10:0 11:- 20:0 23:- 30:0 31:-");
}

// R3
TEST_F(Rtds, WithoutBudgetItWaitsForItsNextPeriod) {
  add(server(milliseconds(2), milliseconds(10)), job({}, milliseconds(5)));
  run(milliseconds(30));
  EXPECT_EQ(trace(), "0:0 2:- 10:0 12:- 20:0 21:-");
}

// R3
TEST_F(Rtds, WithExtratimeItGoesOnInTimeThatNobodyHasReserved) {
  add(with_extratime(milliseconds(2), milliseconds(10)), job({}, milliseconds(5)));
  run(milliseconds(30));
  EXPECT_EQ(trace(), "0:0 5:-");
}

// R3, R4: VM 0 has 2 ms, then VM 1, whose deadline is later, 1; then both again, until their next periods.
TEST_F(Rtds, ExtraTimeIsSharedByBudgetOneLevelAfterTheOther) {
  add(with_extratime(milliseconds(2), milliseconds(10)), job({}, milliseconds(20)));
  add(with_extratime(milliseconds(1), milliseconds(11)), job({}, milliseconds(20)));
  run(milliseconds(14));
  EXPECT_EQ(trace(), "0:0 2:1 3:0 5:1 6:0 8:1 9:0 12:1 13:0");
}

// R4
TEST_F(Rtds, TheEarlierDeadlinePreempts) {
  add(server(milliseconds(5), milliseconds(20)), job({}, milliseconds(4)));
  add(server(milliseconds(5), milliseconds(10)), job(milliseconds(1), milliseconds(2)));
  run(milliseconds(20));
  EXPECT_EQ(trace(), "0:0 1:1 3:0 6:-");
}

// R4
TEST_F(Rtds, OfEqualOnesTheFirstGoesOn) {
  add(server(milliseconds(5), milliseconds(10)), job({}, milliseconds(3)));
  add(server(milliseconds(5), milliseconds(10)), job(milliseconds(1), milliseconds(1)));
  run(milliseconds(10));
  EXPECT_EQ(trace(), "0:0 3:1 4:-");
}

// R4
TEST_F(Rtds, APinnedOneWaitsForItsProcessor) {
  processors(2);
  add(server(milliseconds(5), milliseconds(10), 1), job({}, milliseconds(3)));
  add(server(milliseconds(5), milliseconds(20), 1), job({}, milliseconds(3)));
  run(milliseconds(10));
  EXPECT_EQ(trace(0), "0:-");
  EXPECT_EQ(trace(1), "0:0 3:1 6:-");
}

// R5
TEST_F(Rtds, TheLastInOrderGivesWayAndMovesToAnIdleProcessor) {
  processors(2);
  add(server(milliseconds(9), milliseconds(20)), job({}, milliseconds(2)));
  add(server(milliseconds(9), milliseconds(30)), job({}, milliseconds(4)));
  add(server(milliseconds(9), milliseconds(10)), job(milliseconds(1), milliseconds(4)));
  run(milliseconds(10));
  EXPECT_EQ(trace(0), "0:0 2:1 5:-");
  EXPECT_EQ(trace(1), "0:1 1:2 5:-");
}

// R5: the pinned VM 2 displaces VM 0, and that the last in order.
TEST_F(Rtds, WhoIsPreemptedPreemptsInTurn) {
  processors(2);
  add(server(milliseconds(9), milliseconds(20)), job({}, milliseconds(3)));
  add(server(milliseconds(9), milliseconds(30)), job({}, milliseconds(5)));
  add(server(milliseconds(9), milliseconds(10), 0), job(milliseconds(1), milliseconds(5)));
  run(milliseconds(9));
  EXPECT_EQ(trace(0), "0:0 1:2 6:-");
  EXPECT_EQ(trace(1), "0:1 1:0 3:1 7:-");
}

// R5: at 10 ms VM 0 has a budget again, and an earlier deadline.
TEST_F(Rtds, WhoIsReplenishedPreempts) {
  add(server(milliseconds(2), milliseconds(10)), job({}, milliseconds(3)));
  add(server(milliseconds(20), milliseconds(40)), job({}, milliseconds(10)));
  run(milliseconds(20));
  EXPECT_EQ(trace(), "0:0 2:1 10:0 11:1 13:-");
}

// Bandwidths sum to 1, and yet VM 1 does not get its 4.5 ms by 27: VM 0 has kept its budget until late in the
// period. docs/simulator-rivals.md has another example.
TEST_F(Rtds, ADeferrableServerMayTakeWhatAnotherHasReserved) {
  add(server(milliseconds(6), milliseconds(12)), job(milliseconds(18), milliseconds(6)));
  add(server(microseconds(4'500), milliseconds(9)), job(milliseconds(18), microseconds(4'500)));
  run(milliseconds(40));
  EXPECT_EQ(trace(), "0:- 18:0 24:1 28.5:-");
}

}  // namespace
}  // namespace candor::sim
