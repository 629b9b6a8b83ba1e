#include "sim/linux/linux_host.h"

#include <gtest/gtest.h>

#include "sim/host_test.h"

namespace candor::sim {
namespace {

class DeadlineServers : public HostTest<LinuxHost> {};

TEST_F(DeadlineServers, TheEarliestDeadlineRunsFirst) {
  add(server(milliseconds(2), milliseconds(20)), job({}, milliseconds(2)));
  add(server(milliseconds(2), milliseconds(10)), job(milliseconds(1), milliseconds(2)));
  run(milliseconds(10));
  EXPECT_EQ(trace(), "0:0 1:1 3:0 4:-");
}

TEST_F(DeadlineServers, OneWithoutBudgetWaitsForItsDeadline) {
  add(server(milliseconds(2), milliseconds(10)), job({}, milliseconds(3)));
  run(milliseconds(20));
  EXPECT_EQ(trace(), "0:0 2:- 10:0 11:-");
}

TEST_F(DeadlineServers, OnlyFairVcpusUseWhatItMayNot) {
  add(server(milliseconds(2), milliseconds(10)), job({}, milliseconds(3)));
  add({}, job({}, milliseconds(20)));
  run(milliseconds(20));
  EXPECT_EQ(trace(), "0:0 2:1 10:0 11:1");
}

// 1 of 2 ms is left, 8 ms before the deadline: that is less than 2 in 10.
TEST_F(DeadlineServers, OneThatWakesKeepsWhatIsNoMoreThanItsBandwidth) {
  add(server(milliseconds(2), milliseconds(10)), job({}, milliseconds(1)),
      job(milliseconds(2), milliseconds(2)));
  run(milliseconds(20));
  EXPECT_EQ(trace(), "0:0 1:- 2:0 3:- 10:0 11:-");
}

// 1 of 2 ms is left 4 ms before the deadline: that is more, and a period begins.
TEST_F(DeadlineServers, OneThatWakesLateBeginsAPeriod) {
  add(server(milliseconds(2), milliseconds(10)), job({}, milliseconds(1)),
      job(milliseconds(6), milliseconds(2)));
  run(milliseconds(20));
  EXPECT_EQ(trace(), "0:0 1:- 6:0 8:-");
}

TEST_F(DeadlineServers, APinnedOneRunsOnItsProcessorOnly) {
  processors(2);
  add(server(milliseconds(5), milliseconds(20), 1), job({}, milliseconds(3)));
  add(server(milliseconds(5), milliseconds(10), 1), job({}, milliseconds(3)));
  run(milliseconds(10));
  EXPECT_EQ(trace(0), "0:-");
  EXPECT_EQ(trace(1), "0:1 3:0 6:-");
}

TEST_F(DeadlineServers, OthersRunWhereverLessUrgentWorkDoes) {
  processors(2);
  add(server(milliseconds(5), milliseconds(10)), job({}, milliseconds(3)));
  add(server(milliseconds(5), milliseconds(30)), job({}, milliseconds(3)));
  add(server(milliseconds(5), milliseconds(20)), job(milliseconds(1), milliseconds(3)));
  run(milliseconds(10));
  EXPECT_EQ(trace(0), "0:0 3:1 5:-");
  EXPECT_EQ(trace(1), "0:1 1:2 4:-");
}

}  // namespace
}  // namespace candor::sim
