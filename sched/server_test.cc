#include "sched/server.h"

#include <gtest/gtest.h>

#include <vector>

namespace candor::sched {
namespace {

constexpr Duration kPeriod = milliseconds(10);
constexpr Duration kBudget = milliseconds(2);
const Terms kTerms = ProcessorModel{}.bound({.cls = CANDOR_CLASS_DEADLINE,
                                             .budget = kBudget,
                                             .period = kPeriod,
                                             .relative_deadline = milliseconds(8)});

Time at(std::int64_t ms) {
  return Time{milliseconds(1000 + ms).ns};
}

JobReport report(std::uint32_t state, Time release, std::uint64_t job, std::uint64_t own = CANDOR_NO_TIME) {
  return {.state = state,
          .release_ns = static_cast<std::uint64_t>(release.ns),
          .deadline_ns = own,
          .expected_ns = 0,
          .job = job};
}

Time next_look(const ClaimServer& s, Time now, bool alone, Duration ahead) {
  return s.look(now, alone).by(now, ahead);
}

// A server whose first job was released at 0 ms.
ClaimServer started() {
  ClaimServer s(kTerms, at(0));
  s.report(report(CANDOR_THREAD_READY, at(0), 0), at(0));
  return s;
}

TEST(Server, TheDeadlineIsReleasePlusRelativeDeadline) {
  const ClaimServer s = started();
  EXPECT_TRUE(s.active());
  EXPECT_EQ(s.release(at(1)), at(0));
  EXPECT_EQ(s.server_deadline(at(1)), at(8));
}

TEST(Server, AWaitingClaimHasTheDeadlineOfItsNextJob) {
  ClaimServer s = started();
  s.report(report(CANDOR_THREAD_WAITING, at(10), 1), at(3));
  EXPECT_FALSE(s.active());
  EXPECT_EQ(s.server_deadline(at(3)), at(18));
  s.advance(at(10));
  EXPECT_TRUE(s.active()) << "its release has come";
  EXPECT_EQ(s.server_deadline(at(11)), at(18));
}

TEST(Server, ReleasesAreAPeriodApartWhateverTheGuestSays) {
  ClaimServer s = started();
  s.report(report(CANDOR_THREAD_WAITING, at(1), 1), at(1));
  EXPECT_EQ(s.server_deadline(at(1)), at(18)) << "not 9";
  s.report(report(CANDOR_THREAD_READY, at(1), 1), at(2));
  EXPECT_EQ(s.server_deadline(at(2)), at(18));
}

TEST(Server, AReleaseInThePastGainsNothing) {
  ClaimServer s(kTerms, at(0));
  s.report(report(CANDOR_THREAD_BLOCKED, Time::never(), 0), at(50));
  s.advance(at(60));
  s.report(report(CANDOR_THREAD_READY, Time{0}, 1), at(60));
  EXPECT_GE(s.release(at(60)), at(50)) << "not before it was last seen blocked";
}

TEST(Server, AGuestsDeadlineOnlyPostpones) {
  ClaimServer s(kTerms, at(0));
  s.report(report(CANDOR_THREAD_READY, at(0), 0, 1), at(0));
  EXPECT_EQ(s.effective_deadline(at(0)), at(8)) << "an earlier one does not count";
  s.report(report(CANDOR_THREAD_READY, at(0), 0, static_cast<std::uint64_t>(at(30).ns)), at(0));
  EXPECT_EQ(s.effective_deadline(at(0)), at(30));
  EXPECT_EQ(s.server_deadline(at(0)), at(8));
}

TEST(Server, AnOverrunIsOverdrawnUntilThePeriodEnds) {
  ClaimServer s = started();
  s.charge(kBudget, at(3));
  EXPECT_FALSE(s.overdrawn()) << "exactly the budget is never punished";
  s.charge(kTerms.limit - kBudget, at(4));
  EXPECT_TRUE(s.overdrawn());
  EXPECT_FALSE(s.exhausted());
  EXPECT_EQ(s.replenish(), at(10));
  EXPECT_LE(next_look(s, at(4), false, {}), at(10));
  s.advance(at(10));
  EXPECT_FALSE(s.overdrawn());
  EXPECT_EQ(s.server_deadline(at(10)), at(18));
}

TEST(Server, WhatAnOverdrawnClaimUsesComesOffItsBurstOnly) {
  ClaimServer s = started();
  s.charge(s.limit(), at(3));
  ASSERT_TRUE(s.overdrawn());
  s.charge(milliseconds(2), at(5));
  s.advance(at(10));
  EXPECT_EQ(s.consumed(), Duration{0}) << "nothing is owed to other claims";
  EXPECT_FALSE(s.exhausted());
}

TEST(Server, AnExtensionIsForTheCurrentJob) {
  ClaimServer s = started();
  s.extend(milliseconds(1));
  EXPECT_EQ(s.left(), s.limit()) << "it is not overdrawn";
  s.charge(s.limit() + microseconds(100), at(3));
  s.extend(milliseconds(1));
  EXPECT_FALSE(s.overdrawn());
  EXPECT_EQ(s.left(), milliseconds(1)) << "what was used already is in it";
  s.charge(milliseconds(1), at(4));
  EXPECT_TRUE(s.overdrawn());
  s.advance(at(10));
  EXPECT_EQ(s.consumed(), Duration{0}) << "and is not owed";
  EXPECT_EQ(s.left(), s.limit());
}

TEST(Server, NoExtensionLeadsMoreThanTwoLimitsAheadOfTheRate) {
  ClaimServer s = started();
  s.charge(s.limit(), at(3));
  s.charge(milliseconds(1), at(4));
  s.extend(seconds(1));
  // The last millisecond has earned a fifth of one, and a tenth of that.
  EXPECT_EQ(s.left(), s.limit() - milliseconds(1) + microseconds(220));
  s.charge(s.left(), at(9));
  EXPECT_TRUE(s.overdrawn());
  s.extend(seconds(1));
  EXPECT_LE(s.left(), microseconds(1'100)) << "what it has earned meanwhile";
}

TEST(Server, BeyondItsBurstAClaimIsExhausted) {
  ClaimServer s = started();
  s.charge(s.limit(), at(3));
  s.charge(s.burst(), at(20));
  EXPECT_TRUE(s.exhausted());
  EXPECT_FALSE(s.overdrawn());
  EXPECT_GT(s.replenish(), at(20));
  EXPECT_EQ(next_look(s, at(20), false, {}), s.replenish());
}

TEST(Server, HoweverLongItsPeriodAnOverrunKeepsItsRankForTwentyMillisecondsOnly) {
  ClaimServer s(ProcessorModel{}.bound({.cls = CANDOR_CLASS_DEADLINE,
                                        .budget = milliseconds(400),
                                        .period = seconds(1),
                                        .relative_deadline = seconds(1)}),
                at(0));
  s.report(report(CANDOR_THREAD_READY, at(0), 0), at(0));
  s.charge(s.limit(), at(440));
  ASSERT_TRUE(s.overdrawn());
  EXPECT_LE(next_look(s, at(440), true, {}), at(440) + kMostGrace + look_slack(milliseconds(400)));
  s.charge(kMostGrace, at(460));
  EXPECT_TRUE(s.exhausted());
  EXPECT_EQ(s.replenish(), at(1000));
}

// Looks come at the end of periods where nothing else asks for one.
TEST(Server, TimeUnderALentRankCountsWhenTheReleaseHasJustMovedOn) {
  ClaimServer s = started();
  Duration lent;
  Time t = at(0);
  for (int i = 1; i < 30 && !s.exhausted(); i++) {
    t = at(10 * i);
    s.advance(t);
    s.report(report(CANDOR_THREAD_READY, at(0), 0), t);
    s.charge_borrowed(kPeriod, t);
    lent += kPeriod;
  }
  EXPECT_TRUE(s.exhausted());
  EXPECT_LE(lent, s.burst() + kPeriod * 2);
}

TEST(Server, AloneOnItsProcessorOnlyTheBurstIsWatched) {
  ClaimServer s = started();
  EXPECT_GT(next_look(s, at(0), true, {}), next_look(s, at(0), false, {}));
  s.report(report(CANDOR_THREAD_WAITING, at(10), 1), at(1));
  EXPECT_EQ(next_look(s, at(1), true, {}), at(10) + s.limit() + s.grace() + look_slack(kBudget));
}

TEST(Server, AnActiveClaimIsLookedAtWhenItCouldHaveUsedUpItsBudget) {
  ClaimServer s = started();
  EXPECT_EQ(next_look(s, at(0), false, {}), at(0) + s.limit() + look_slack(kBudget));
  s.charge(milliseconds(1), at(2));
  EXPECT_EQ(next_look(s, at(2), false, {}), at(2) + s.limit() - milliseconds(1) + look_slack(kBudget));
  EXPECT_EQ(next_look(s, at(2), false, milliseconds(2)), at(3) + s.limit() + look_slack(kBudget))
      << "those ahead run first";
}

TEST(Server, WhatLateEnforcementLetThroughComesOffTheNextBudget) {
  ClaimServer s = started();
  s.charge(s.limit() + milliseconds(1), at(5));
  ASSERT_TRUE(s.overdrawn());
  s.advance(at(10));
  EXPECT_EQ(s.consumed(), milliseconds(1));
}

TEST(Server, ALateLookIsNotTheGuestsFault) {
  ClaimServer s = started();
  const Time due = next_look(s, at(0), false, {});
  EXPECT_EQ(due, at(0) + s.limit() + look_slack(kBudget));
  s.advance(at(45));
  s.charge(milliseconds(45), at(45), due);  // the processor was away for 43 ms
  s.advance(at(50));
  EXPECT_FALSE(s.overdrawn() || s.exhausted()) << "not for longer than its own overrun asks";
}

TEST(Server, WhatIsUsedWithoutAJobMovesNoRelease) {  // S10
  ClaimServer s(kTerms, at(0));
  s.report(report(CANDOR_THREAD_WAITING, at(7), 1), at(1));
  s.charge(microseconds(800), at(5));  // a thread that is still preparing itself
  EXPECT_EQ(s.server_deadline(at(5)), at(15)) << "of the job at 7 ms";
  s.advance(at(7));
  s.report(report(CANDOR_THREAD_READY, at(7), 1), at(7));
  s.charge(Duration{0}, at(7));
  EXPECT_EQ(s.server_deadline(at(7)), at(15));
  EXPECT_GT(s.consumed(), Duration{0}) << "it comes off this job's budget";
  EXPECT_LT(s.consumed(), microseconds(800));
}

TEST(Server, WhatIsUsedWithoutAJobFades) {  // S10
  ClaimServer s(kTerms, at(0));
  s.report(report(CANDOR_THREAD_WAITING, at(995), 1), at(1));
  for (int i = 1; i < 90; ++i) s.charge(microseconds(20), at(i * 10));
  s.advance(at(995));
  EXPECT_EQ(s.server_deadline(at(995)), at(1003));
  EXPECT_EQ(s.consumed(), Duration{0});
}

TEST(Server, ALookBetweenJobsFarApartMovesNoRelease) {
  ClaimServer s = started();
  s.report(report(CANDOR_THREAD_BLOCKED, Time::never(), 0), at(3));
  s.charge(kBudget, at(3));
  for (int look = 13; look < 53; look += 10) {
    s.advance(at(look));
    s.charge(microseconds(5), at(look));
  }
  s.report(report(CANDOR_THREAD_READY, at(45), 1), at(45));
  EXPECT_EQ(s.server_deadline(at(45)), at(53));
}

TEST(Server, AWholeLimitWithoutAJobWasAJob) {  // S10
  ClaimServer s(kTerms, at(0));
  s.report(report(CANDOR_THREAD_WAITING, at(7), 1), at(1));
  s.charge(Duration{0}, at(1));
  s.charge(s.limit(), at(5));
  EXPECT_TRUE(s.overdrawn());
  EXPECT_EQ(s.server_deadline(at(5)), at(23)) << "the next release is a period after it";
}

TEST(Server, AfterItsBurstIsRepaidAClaimHasTheDeadlinesItHad) {  // S8
  ClaimServer s = started();
  for (int ms = 1; !s.exhausted(); ++ms) {
    s.advance(at(ms));
    s.charge(milliseconds(1), at(ms));
  }
  const Time repaid = s.replenish();
  s.advance(Time{repaid.ns - 1});
  EXPECT_TRUE(s.exhausted());
  s.advance(repaid);
  EXPECT_FALSE(s.exhausted());
  EXPECT_EQ((s.release(repaid) - at(0)).ns % kPeriod.ns, 0);
}

// A budget in a part of its period is more than admission expects there.
TEST(Server, WhoRecoversWithinAPeriodHasNoBudgetBeforeTheNext) {  // S8
  ClaimServer s = started();
  s.charge(milliseconds(9), at(9));
  ASSERT_TRUE(s.exhausted());
  // 9 ms less a limit, at 22 % of a processor, is 31 ms.
  EXPECT_EQ(s.replenish(), at(40));
  for (int ms = 10; ms < 40; ++ms) {
    s.advance(at(ms));
    EXPECT_TRUE(s.exhausted()) << ms;
    EXPECT_EQ(s.replenish(), at(40)) << ms;
  }
  s.advance(at(40) - microseconds(50));  // its rate has made up for all
  EXPECT_TRUE(s.exhausted());
  EXPECT_EQ(s.replenish(), at(40));
  s.advance(at(40));
  EXPECT_FALSE(s.exhausted());
}

TEST(Server, SlackThatIsGivenEndsWhenItEnds) {
  ClaimServer s = started();
  s.charge(s.limit(), at(3));
  ASSERT_TRUE(s.overdrawn());
  s.extend(microseconds(300));
  ASSERT_FALSE(s.overdrawn());
  EXPECT_EQ(next_look(s, at(3), false, {}), at(3) + microseconds(300)) << "no later";
}

TEST(Server, OneThatIsHeldHasNoBudgetBeforeThat) {  // S12
  ClaimServer s(kTerms, at(0));
  s.hold(at(15), at(0));
  EXPECT_TRUE(s.exhausted());
  EXPECT_EQ(s.replenish(), at(15));
  s.report(report(CANDOR_THREAD_READY, at(1), 0), at(1));
  s.charge(milliseconds(1), at(2));
  EXPECT_EQ(s.consumed(), Duration{0}) << "it ran as fair";
  s.advance(Time{at(15).ns - 1});
  EXPECT_TRUE(s.exhausted());
  s.advance(at(15));
  EXPECT_FALSE(s.exhausted());
  EXPECT_TRUE(s.active());
  EXPECT_TRUE(s.overdrawn()) << "the budget is that of the next, in step with what the guest says";
  EXPECT_EQ(s.replenish(), at(21));
  s.advance(at(21));
  EXPECT_FALSE(s.overdrawn());
  EXPECT_EQ(s.server_deadline(at(21)), at(29));
}

TEST(Server, WhoIsDueLaterThanItIsHeldHasItsBudgetThen) {  // S12
  ClaimServer s(kTerms, at(0));
  s.hold(at(15), at(0));
  s.report(report(CANDOR_THREAD_WAITING, at(18), 0), at(1));
  s.advance(at(15));
  EXPECT_FALSE(s.active());
  s.advance(at(18));
  EXPECT_TRUE(s.active());
  EXPECT_FALSE(s.overdrawn());
  EXPECT_EQ(s.server_deadline(at(18)), at(26));
}

TEST(Server, AJobThatForfeitsItsBudgetMayBeGivenSlack) {  // S13
  ClaimServer s = started();
  s.charge(milliseconds(1), at(1));
  s.forfeit();
  EXPECT_TRUE(s.overdrawn());
  s.extend(milliseconds(1));
  EXPECT_FALSE(s.overdrawn());
  EXPECT_EQ(next_look(s, at(1), false, {}), at(2)) << "and ends when that ends";
  s.charge(milliseconds(1), at(2));
  EXPECT_TRUE(s.overdrawn());
  s.advance(at(10));
  EXPECT_FALSE(s.overdrawn()) << "the next job has its budget";
  EXPECT_EQ(s.consumed(), Duration{0}) << "and owes nothing";
}

TEST(Server, WhoIsHeldNoLongerBeginsAtOnce) {  // S12
  ClaimServer s(kTerms, at(0));
  s.hold(at(15), at(0));
  s.report(report(CANDOR_THREAD_READY, at(1), 0), at(1));
  s.hold(at(4), at(4));
  EXPECT_FALSE(s.exhausted());
  EXPECT_TRUE(s.overdrawn());
  EXPECT_EQ(s.server_deadline(at(4)), at(9)) << "that of its release, where there is slack";
  s.report(report(CANDOR_THREAD_WAITING, at(8), 1), at(5));
  EXPECT_EQ(s.release(at(5)), at(11)) << "releases keep a period apart";
}

TEST(Server, MoreThanANextBudgetIsRepaidByTime) {
  ClaimServer s(kTerms, at(0));  // blocked, and believed for long
  s.charge(milliseconds(50), at(50));
  ASSERT_TRUE(s.exhausted());
  // 50 ms less a limit, at 22 % of a processor.
  EXPECT_GT(s.replenish(), at(50 + 217));
  EXPECT_LT(s.replenish(), at(50 + 218));
}

TEST(Server, AJobThatGoesOnPastItsPeriodIsANewJob) {
  ClaimServer s = started();
  s.charge(milliseconds(1), at(5));
  s.advance(at(25));
  EXPECT_EQ(s.release(at(25)), at(20));
  EXPECT_EQ(s.consumed(), Duration{0});
}

// The wake-up rule: a short wait inside a job keeps deadline and budget if that is no advantage.
TEST(Server, AJobThatEndsLateDoesNotMakeTheNextOneLate) {  // S4
  ClaimServer s = started();
  s.advance(at(10));
  s.charge(milliseconds(1), at(11));
  s.report(report(CANDOR_THREAD_READY, at(10), 1), at(11));
  EXPECT_TRUE(s.active());
  EXPECT_EQ(s.server_deadline(at(11)), at(18)) << "not 28";
  EXPECT_EQ(s.left(), s.limit() - milliseconds(1)) << "the late job has used the rest";
  s.report(report(CANDOR_THREAD_READY, at(10), 2), at(12));
  EXPECT_EQ(s.server_deadline(at(12)), at(28)) << "one job only";

  // The same where the guest says first that it waits for a release that has passed.
  s = started();
  s.advance(at(10));
  s.report(report(CANDOR_THREAD_WAITING, at(10), 1), at(11));
  EXPECT_EQ(s.server_deadline(at(11)), at(18));
  s.report(report(CANDOR_THREAD_READY, at(10), 1), at(12));
  EXPECT_EQ(s.server_deadline(at(12)), at(18));
}

TEST(Server, ALateJobsSuccessorHasTheDeadlineOfItsOwnRelease) {  // S4
  ClaimServer s = started();
  s.advance(at(11));
  s.report(report(CANDOR_THREAD_READY, at(13), 1), at(14));
  EXPECT_EQ(s.server_deadline(at(14)), at(21)) << "it was released later than it might have been";
  s.report(report(CANDOR_THREAD_WAITING, at(20), 2), at(15));
  EXPECT_EQ(s.server_deadline(at(15)), at(31)) << "a period apart";
}

TEST(Server, AJobResumedSoonGoesOnWithItsDeadline) {
  ClaimServer s = started();
  s.charge(milliseconds(1), at(1));
  s.report(report(CANDOR_THREAD_BLOCKED, at(0), 0), at(2));
  s.report(report(CANDOR_THREAD_READY, at(0), 0), at(3));
  EXPECT_TRUE(s.active());
  EXPECT_EQ(s.server_deadline(at(3)), at(8));
  EXPECT_EQ(s.consumed(), milliseconds(1));
}

TEST(Server, AJobResumedLateCountsAsTheNext) {
  ClaimServer s = started();
  s.charge(microseconds(100), at(1));
  s.report(report(CANDOR_THREAD_BLOCKED, at(0), 0), at(1));
  s.report(report(CANDOR_THREAD_READY, at(0), 0), at(7));
  EXPECT_EQ(s.server_deadline(at(7)), at(18)) << "1.9 ms before 8 ms would be more than its share";
}

TEST(Server, BlockingAndWakingDoesNotRefillTheBudget) {
  ClaimServer s = started();
  Duration used;
  for (int i = 0; i < 10 && !s.overdrawn(); ++i) {
    const Time t = at(0) + microseconds(500 * (i + 1));
    s.charge(microseconds(500), t);
    used += microseconds(500);
    s.report(report(CANDOR_THREAD_BLOCKED, at(0), 0), t);
    s.report(report(CANDOR_THREAD_READY, t, static_cast<std::uint64_t>(i) + 1), t);
  }
  EXPECT_TRUE(s.overdrawn());
  EXPECT_LE(used, kBudget + milliseconds(1));
}

TEST(Server, AClaimThatSaysItWaitsIsLookedAtAllTheSame) {
  ClaimServer s = started();
  s.report(report(CANDOR_THREAD_WAITING, at(10'000), 1), at(1));
  EXPECT_LE(next_look(s, at(1), false, {}), at(1) + kPeriod + s.limit() + look_slack(kBudget));
  EXPECT_LE(next_look(s, at(1), true, {}), at(1) + kTrustAlone + s.burst() + look_slack(kBudget));
  s.report(report(CANDOR_THREAD_BLOCKED, at(1), 1), at(1));
  EXPECT_LE(next_look(s, at(12), false, {}), at(12) + s.limit())
      << "where there are others, not believed at all";
}

TEST(Server, TimeUnderALentRankCounts) {
  ClaimServer s = started();
  s.charge_borrowed(s.limit(), at(5));
  EXPECT_TRUE(s.overdrawn());
}

TEST(Server, BlockingHasRoomBesideTheBudget) {  // S11
  Terms terms = kTerms;
  terms.blocking = milliseconds(3);
  terms = ProcessorModel{}.bound(terms);
  ClaimServer s(terms, at(0));
  s.report(report(CANDOR_THREAD_READY, at(0), 0), at(0));
  EXPECT_EQ(s.limit(), microseconds(5'500));
  EXPECT_EQ(s.remaining(), kBudget) << "what it waits for is no work of its own";
  s.charge_borrowed(milliseconds(3), at(3));
  EXPECT_EQ(s.demand(at(3)).left, microseconds(2'500) + look_slack(kBudget)) << "the budget is all there";
  s.charge(kBudget, at(6));
  EXPECT_FALSE(s.overdrawn());
  s.charge_borrowed(milliseconds(1), at(7));
  EXPECT_TRUE(s.overdrawn()) << "no longer than it said";
}

// Slack (K2): until its job ends, what its blocking may need is kept for it.
TEST(Server, WhatBlockingMayNeedIsNoSlack) {
  Terms terms = kTerms;
  terms.blocking = milliseconds(3);
  terms = ProcessorModel{}.bound(terms);
  ClaimServer s(terms, at(0));
  s.report(report(CANDOR_THREAD_READY, at(0), 0), at(0));
  s.charge(milliseconds(1), at(1));
  ProcessorModel model;
  model.job_overhead = Duration{};
  std::vector<Demand> demands{{at(6), {}, milliseconds(1), milliseconds(100)}, s.demand(at(1))};
  const Duration spare = slack(demands, at(1), at(6), model);
  // By 8 ms 4.5 ms of its 5.5 may come, what it may overrun before that is seen, and a fiftieth of a
  // millisecond of the other claim's next job.
  EXPECT_EQ(spare, microseconds(6'650 - 4'520) - look_slack(kBudget)) << "at 95 % speed";
  s.report(report(CANDOR_THREAD_WAITING, at(10), 1), at(1));
  demands = {{at(6), {}, milliseconds(1), milliseconds(100)}, s.demand(at(1))};
  EXPECT_GT(slack(demands, at(1), at(6), model), spare) << "it is over";
}

TEST(Server, TimeBeforeTheReleaseIsNotHeldAgainstTheJob) {
  ClaimServer s = started();
  s.report(report(CANDOR_THREAD_WAITING, at(10), 1), at(1));
  s.advance(at(10));
  s.charge(milliseconds(3), at(11));
  EXPECT_LE(s.consumed(), milliseconds(1)) << "2 ms of these were the last job's";
  EXPECT_FALSE(s.overdrawn());
}

TEST(Server, MoreThanEndedJobsMayHaveUsedCountsForThisOne) {  // S9
  ClaimServer s = started();
  s.report(report(CANDOR_THREAD_WAITING, at(10), 1), at(1));
  s.advance(at(10));
  s.charge(milliseconds(5), at(11));
  EXPECT_TRUE(s.overdrawn());
}

}  // namespace
}  // namespace candor::sched
