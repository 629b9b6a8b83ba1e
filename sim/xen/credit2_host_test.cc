#include "sim/xen/credit2_host.h"

#include <gtest/gtest.h>

#include "sim/host_test.h"

namespace candor::sim {
namespace {

class Credit2 : public HostTest<Credit2Host> {};

// C2, C4, C6: when the second wakes the first has only begun, and so runs until its credit is used up. Nobody
// has any at 20 ms.
TEST_F(Credit2, CreditsAreResetWhenNobodyHasAny) {
  add({}, job({}, seconds(1)));
  add({}, job({}, seconds(1)));
  run(microseconds(21'900));
  EXPECT_EQ(trace(), "0:0 10:1 20.5:0 21.5:1");
}

// C2: from 10 ms on VM 0 burns 3 ms of credit in each.
TEST_F(Credit2, WeightIsHowLongCreditLasts) {
  weight(100);
  add({}, job({}, seconds(20)));
  weight(300);
  add({}, job({}, seconds(20)));
  const RunResult r = run(seconds(10));
  EXPECT_NEAR(static_cast<double>(r.vms[0].work.ns) / 1e9, 2.5, 0.03);
  EXPECT_NEAR(static_cast<double>(r.vms[1].work.ns) / 1e9, 7.5, 0.03);
}

// C2: at 2 ms VM 0 turns to another thread.
TEST_F(Credit2, WhatAGuestDoesOnItsVcpuIsNotSeen) {
  add({}, job({}, milliseconds(2)), job({}, milliseconds(3)));
  add({}, job(microseconds(500), milliseconds(1)));
  run(milliseconds(7));
  EXPECT_EQ(trace(), "0:0 5:1 6:-");
}

// C5
TEST_F(Credit2, OneThatWakesPreemptsWhoHasLessCredit) {
  add({}, job({}, seconds(1)));
  add({}, job(milliseconds(5), milliseconds(1)));
  run(milliseconds(10));
  EXPECT_EQ(trace(), "0:0 5:1 6:0");
}

// C5: then VM 1 has 8 ms of credit at 8 ms, as much as VM 0 had at 3.
TEST_F(Credit2, OneThatWakesWaitsForWhoHasMoreCredit) {
  add({}, job({}, milliseconds(6)), job(milliseconds(7), milliseconds(2)));
  add({}, job(milliseconds(6), milliseconds(3)), job(microseconds(9'500), milliseconds(1)));
  run(milliseconds(12));
  EXPECT_EQ(trace(), "0:0 6:1 9:0 11:1");
}

// C4, C5: and nobody asks again before VM 0 has used up its credit.
TEST_F(Credit2, WhatHasJustBegunIsNotTickled) {
  add({}, job({}, seconds(1)));
  add({}, job(microseconds(900), milliseconds(1)));
  run(milliseconds(12));
  EXPECT_EQ(trace(), "0:0 10:1 11:0");
}

// C4, C2: within the tolerance it is asked, goes on, and is asked again half a millisecond later.
TEST_F(Credit2, WhatHasJustBegunIsNotPreempted) {
  add({}, job({}, seconds(1)));
  add({}, job(microseconds(960), milliseconds(1)));
  run(milliseconds(5));
  EXPECT_EQ(trace(), "0:0 1.46:1 2.46:0");
}

// C5: VM 2 is at home on the first processor.
TEST_F(Credit2, AnIdleProcessorIsTakenBeforeABusyOne) {
  processors(2);
  add({}, job({}, seconds(1)));
  add({}, job(seconds(1), seconds(1)));
  add({}, job(milliseconds(5), milliseconds(1)));
  run(milliseconds(7));
  EXPECT_EQ(trace(0), "0:0");
  EXPECT_EQ(trace(1), "0:- 5:2 6:-");
}

// C5: though VM 1 has less credit than VM 0, who displaces it in turn.
TEST_F(Credit2, OneThatWakesTakesTheProcessorWhereItRan) {
  processors(2);
  add({}, job(milliseconds(2), seconds(1)));
  add({}, job({}, seconds(1)));
  add({}, job(milliseconds(5), milliseconds(1)));
  run(milliseconds(7));
  EXPECT_EQ(trace(0), "0:- 2:0 5:2 6:1");
  EXPECT_EQ(trace(1), "0:1 5:0");
}

// C5, C4: VM 0 has only begun.
TEST_F(Credit2, OrTheOneWhereItHasMostCreditMore) {
  processors(2);
  add({}, job(milliseconds(5), milliseconds(3)));
  add({}, job({}, seconds(1)));
  add({}, job(microseconds(5'600), milliseconds(1)));
  run(milliseconds(7));
  EXPECT_EQ(trace(0), "0:- 5:0");
  EXPECT_EQ(trace(1), "0:1 5.6:2 6.6:1");
}

// C5, C4: VM 2 is at home on the first processor, where VM 0 has only begun, and has 0.4 ms more than VM 1.
TEST_F(Credit2, ButNotForLessThanAMigrationIsWorth) {
  processors(2);
  add({}, job(milliseconds(5), milliseconds(3)));
  add({}, job(microseconds(4'600), seconds(1)));
  add({}, job({}, microseconds(600)), job(microseconds(5'600), milliseconds(1)));
  run(milliseconds(9));
  EXPECT_EQ(trace(0), "0:2 0.6:- 5:0 8:2");
  EXPECT_EQ(trace(1), "0:- 4.6:1");
}

// C3: at 10 ms VM 1 has no credit left, and VM 2, at home on the first processor, 0.4 ms.
TEST_F(Credit2, AProcessorResistsMigration) {
  processors(2);
  add({}, job(microseconds(9'650), seconds(1)));
  add({}, job({}, seconds(1)));
  add({}, job({}, microseconds(9'600)), job(microseconds(9'700), seconds(1)));
  run(milliseconds(11));
  EXPECT_EQ(trace(0), "0:2 9.6:- 9.65:0");
  EXPECT_EQ(trace(1), "0:1 10.5:2");
}

// C3: VM 2 has 5 ms and 50 us when it has moved, and nobody may preempt it or VM 0 when VM 1 wakes.
TEST_F(Credit2, WhoMovesGetsALittleCredit) {
  processors(2);
  add({}, job(microseconds(6'900), seconds(1)));
  add({}, job(microseconds(7'500), seconds(1)));
  add({}, job({}, milliseconds(5)), job(milliseconds(7), seconds(1)));
  run(milliseconds(13));
  EXPECT_EQ(trace(0), "0:2 5:- 6.9:0");
  EXPECT_EQ(trace(1), "0:- 7:2 12.05:1");
}

// C1, C7: ten busy VMs, and ten that are not, share two queues of nine processors.
TEST_F(Credit2, AVmComesToTheQueueWithTheLeastLoad) {
  processors(18);
  for (int i = 0; i < 20; ++i) add({}, job({}, i % 2 == 0 ? seconds(9) : milliseconds(1)));
  const RunResult r = run(milliseconds(100));
  for (std::size_t i = 0; i < 20; i += 2) EXPECT_GE(r.vms[i].work, milliseconds(98)) << i;
}

// C1, C6: all promise the same load, so that they come to the two queues in turn, but every other one has
// work.
TEST_F(Credit2, LoadIsBalancedBetweenQueues) {
  processors(32);
  for (int i = 0; i < 34; ++i) add({}, i % 2 == 0 ? job({}, seconds(9)) : job(seconds(8), seconds(9)));
  const RunResult r = run(seconds(3));
  for (int i = 0; i < 34; i += 2)
    EXPECT_GT(r.vms[static_cast<std::size_t>(i)].work, milliseconds(2'900)) << i;
  EXPECT_GT(r.migrations, 0u);
}

// C6: though vCPUs are pushed and pulled while they run, wait and sleep.
TEST_F(Credit2, NobodyIsLostWhereLoadIsBalanced) {
  processors(18);
  Random random(1);
  for (int i = 0; i < 60; ++i)
    add({}, job(random.uniform({}, milliseconds(50)), random.uniform(milliseconds(1), milliseconds(80))),
        job(random.uniform(milliseconds(100), milliseconds(300)), milliseconds(i % 2 == 0 ? 100 : 1)),
        job(random.uniform(milliseconds(400), milliseconds(700)), milliseconds(20)));
  const RunResult r = run(seconds(2));
  EXPECT_EQ(r.sets[0].jobs, 180u);
  EXPECT_EQ(r.sets[0].response.count(), 180u);
}

}  // namespace
}  // namespace candor::sim
