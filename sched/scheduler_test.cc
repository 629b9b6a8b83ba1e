#include "sched/scheduler.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace candor::sched {
namespace {

Time at(std::int64_t ms) {
  return Time{milliseconds(1000 + ms).ns};
}

ClaimRequest deadline(std::int64_t budget_ms, std::int64_t period_ms) {
  return {.cls = CANDOR_CLASS_DEADLINE,
          .budget_ns = static_cast<std::uint64_t>(milliseconds(budget_ms).ns),
          .period_ns = static_cast<std::uint64_t>(milliseconds(period_ms).ns)};
}

ClaimRequest fixed(std::uint32_t priority, std::int64_t budget_ms, std::int64_t period_ms) {
  ClaimRequest r = deadline(budget_ms, period_ms);
  r.cls = CANDOR_CLASS_FIXED;
  r.priority = priority;
  return r;
}

JobReport job(std::uint32_t state, Time release, std::uint64_t number = 1) {
  return {.state = state, .release_ns = static_cast<std::uint64_t>(release.ns), .job = number};
}

// One scheduler, and what a host would have imposed.
class SchedulerTest : public testing::Test {
 protected:
  void add(VmId id, std::uint32_t bandwidth_ppm = 800'000, std::uint32_t realtime = 2,
           std::uint32_t processors = 1) {
    if (!scheduler_) scheduler_ = std::make_unique<Scheduler>(processors);
    ASSERT_TRUE(scheduler_->add_vm(id, {.weight = 100,
                                        .bandwidth_ppm = bandwidth_ppm,
                                        .max_priority = 50,
                                        .fair_vcpus = 1,
                                        .realtime_vcpus = realtime}));
  }
  Scheduler& sched() { return *scheduler_; }

  Time decide(Time now, std::uint32_t processor = 0) {
    const Decision d = sched().decide(processor, now);
    for (const RankChange& c : d.changes) levels_[{c.vm, c.vcpu}] = c.level;
    return d.next;
  }
  int level(VmId vm, std::uint32_t vcpu) { return levels_[{vm, vcpu}]; }

  // Which VM's claim runs next on processor 0: the active one in the first place.
  VmId next(Time now) {
    decide(now);
    VmId best = 0;
    int highest = 0;
    for (const auto& [who, at_level] : levels_)
      if (at_level > highest) highest = at_level, best = who.first;
    return best;
  }

  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::pair<VmId, std::uint32_t>, int> levels_;
};

using NotDecoration = SchedulerTest;

// The composite list is not decoration: each of the three changes below is all
// that changes, and each changes what runs next, as the rule it names says.

TEST_F(NotDecoration, AWaitingEntryOfAnotherGuestChangesWhatRunsNext) {  // O4
  add(1), add(2);
  sched().claim(1, 0, deadline(1, 20), at(0));
  sched().claim(2, 0, deadline(1, 20), at(0));
  sched().publish(1, 0, job(CANDOR_THREAD_WAITING, at(40)), at(1));
  sched().publish(2, 0, job(CANDOR_THREAD_WAITING, at(50)), at(1));
  EXPECT_EQ(next(at(1)), 1u);
  sched().publish(2, 0, job(CANDOR_THREAD_WAITING, at(30)), at(2));
  EXPECT_EQ(next(at(2)), 2u) << "VM 2 still waits, and its wake-up would now preempt VM 1";
}

TEST_F(NotDecoration, TheExpectedRunTimeOfAThreadChangesWhatRunsNext) {  // O2
  add(1), add(2);
  sched().claim(1, 0, deadline(4, 20), at(0));
  sched().claim(2, 0, deadline(4, 20), at(0));
  JobReport one = job(CANDOR_THREAD_READY, at(10));
  JobReport two = one;
  one.expected_ns = static_cast<std::uint64_t>(milliseconds(2).ns);
  two.expected_ns = static_cast<std::uint64_t>(milliseconds(3).ns);
  sched().publish(1, 0, one, at(10));
  sched().publish(2, 0, two, at(10));
  EXPECT_EQ(next(at(10)), 1u) << "same deadline: the shorter first";
  two.expected_ns = static_cast<std::uint64_t>(milliseconds(1).ns);
  sched().publish(2, 0, two, at(10));
  EXPECT_EQ(next(at(10)), 2u);
}

TEST_F(NotDecoration, ADeadlineChangesWhatRunsNext) {  // O1, O3
  add(1), add(2);
  sched().claim(1, 0, deadline(1, 20), at(0));
  sched().claim(2, 0, deadline(1, 20), at(0));
  JobReport one = job(CANDOR_THREAD_READY, at(0));
  sched().publish(1, 0, one, at(0));
  sched().publish(2, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  EXPECT_EQ(next(at(0)), 1u) << "a tie, broken by the VM's number";
  one.deadline_ns = static_cast<std::uint64_t>(at(25).ns);
  sched().publish(1, 0, one, at(0));
  EXPECT_EQ(next(at(0)), 2u) << "VM 1 postponed itself";
  one.deadline_ns = static_cast<std::uint64_t>(at(5).ns);
  sched().publish(1, 0, one, at(0));
  EXPECT_EQ(next(at(0)), 1u) << "back to the tie: an earlier deadline than the server's counts as that";
}

TEST_F(SchedulerTest, AnAdmittedClaimIsToldItsVcpuAndProcessor) {
  add(1);
  const Answer a = sched().claim(1, 7, deadline(1, 10), at(0));
  EXPECT_EQ(a.status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(a.vcpu, 1u) << "the first real-time vCPU";
  EXPECT_EQ(a.processor, 0u);
  decide(at(0));
  EXPECT_GE(level(1, 1), 10);
  EXPECT_EQ(sched().vcpu_view(1, 1, at(0)).rank, 1u);
}

TEST_F(SchedulerTest, RefusalsSayWhyAndWhatWouldFit) {
  add(1, 300'000);
  add(2, 0);
  EXPECT_EQ(sched().claim(2, 0, deadline(1, 10), at(0)).reason, CANDOR_REFUSED_NO_ENTITLEMENT);
  const Answer much = sched().claim(1, 0, deadline(4, 10), at(0));
  EXPECT_EQ(much.reason, CANDOR_REFUSED_BANDWIDTH);
  EXPECT_EQ(much.fits_ppm, 300'000u);
  EXPECT_EQ(sched().claim(1, 0, deadline(1, 10), at(0)).status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(sched().claim(1, 1, deadline(3, 10), at(0)).fits_ppm, 200'000u);
  EXPECT_EQ(sched().claim(1, 1, fixed(51, 1, 10), at(0)).reason, CANDOR_REFUSED_PRIORITY);
  EXPECT_EQ(sched().claim(1, 1, deadline(11, 10), at(0)).reason, CANDOR_REFUSED_INVALID);
  EXPECT_EQ(sched().claim(1, CANDOR_MAX_THREADS, deadline(1, 10), at(0)).reason, CANDOR_REFUSED_INVALID);
  EXPECT_EQ(sched().claim(99, 0, deadline(1, 10), at(0)).reason, CANDOR_REFUSED_INVALID);
  add(3, 100'000, 0);
  EXPECT_EQ(sched().claim(3, 0, deadline(1, 100), at(0)).reason, CANDOR_REFUSED_NO_VCPU);
}

TEST_F(SchedulerTest, AFullProcessorRefusesThoughTheVmIsEntitled) {
  add(1), add(2);
  EXPECT_EQ(sched().claim(1, 0, deadline(5, 10), at(0)).status, CANDOR_CLAIM_ADMITTED);
  const Answer a = sched().claim(2, 0, deadline(4, 10), at(0));
  EXPECT_EQ(a.reason, CANDOR_REFUSED_PROCESSOR);
  EXPECT_EQ(a.fits_ppm, 350'000u);
  EXPECT_EQ(sched().claim(2, 0, deadline(35, 100), at(0)).status, CANDOR_CLAIM_ADMITTED) << "as it was told";
}

TEST_F(SchedulerTest, ClaimsSpreadOverProcessors) {
  add(1, 800'000, 2, 2), add(2);
  EXPECT_EQ(sched().claim(1, 0, deadline(5, 10), at(0)).processor, 0u);
  EXPECT_EQ(sched().claim(2, 0, deadline(5, 10), at(0)).processor, 1u);
  EXPECT_EQ(sched().vcpu_view(1, 1, at(0)).ring_at_job_end, 0u);
}

TEST_F(SchedulerTest, MoreClaimsThanVcpusShareOne) {
  add(1, 800'000, 1);
  const Answer a = sched().claim(1, 0, deadline(1, 20), at(0));
  const Answer b = sched().claim(1, 1, deadline(1, 10), at(0));
  EXPECT_EQ(a.vcpu, 1u);
  EXPECT_EQ(b.vcpu, 1u);
  decide(at(0));
  EXPECT_EQ(sched().vcpu_view(1, 1, at(0)).ring_at_job_end, 1u);
}

TEST_F(SchedulerTest, ARefusedChangeGivesUpWhatWasThere) {
  add(1, 200'000);
  sched().claim(1, 0, deadline(2, 10), at(0));
  decide(at(0));
  EXPECT_GT(level(1, 1), 0);
  EXPECT_EQ(sched().claim(1, 0, deadline(3, 10), at(1)).status, CANDOR_CLAIM_REFUSED);
  decide(at(1));
  EXPECT_EQ(level(1, 1), 0);
  EXPECT_EQ(sched().used_ppm(0), 0u);
}

TEST_F(SchedulerTest, BellsAreAskedForOnlyWhereClaimsShareAProcessor) {
  add(1), add(2);
  sched().claim(1, 0, deadline(1, 10), at(0));
  EXPECT_EQ(sched().vcpu_view(1, 1, at(0)).ring_at_job_end, 0u);
  sched().claim(2, 0, deadline(1, 10), at(0));
  EXPECT_EQ(sched().vcpu_view(1, 1, at(0)).ring_at_job_end, 1u);
  sched().remove_vm(2, at(0));
  EXPECT_EQ(sched().vcpu_view(1, 1, at(0)).ring_at_job_end, 0u);
}

TEST_F(SchedulerTest, AnOverdrawnClaimStandsBehindAllOthersUntilItsNextPeriod) {
  add(1), add(2);
  sched().claim(1, 0, deadline(2, 10), at(0));
  sched().claim(2, 0, deadline(26, 40), at(0));
  sched().charge(1, 1, {}, at(0));
  sched().publish(1, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  sched().publish(2, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  decide(at(0));
  ASSERT_GT(level(1, 1), level(2, 1));
  sched().charge(1, 1, milliseconds(3), at(3));
  decide(at(3));
  EXPECT_GT(level(2, 1), level(1, 1)) << "though its deadline is earlier";
  EXPECT_GT(level(1, 1), 0) << "before all fair work still";
  EXPECT_EQ(sched().claim_view(1, 0, at(3)).status, CANDOR_CLAIM_ADMITTED);
  std::vector<RunListItem> list;
  sched().run_list(at(3), list);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1].vm, 1u);
  EXPECT_EQ(list[1].behind_previous, OrderReason::kOverdrawn);
  decide(at(10));
  EXPECT_GT(level(1, 1), level(2, 1));
}

TEST_F(SchedulerTest, AnOverdrawnClaimKeepsItsPlaceWhileTheOthersLeaveSlack) {
  add(1), add(2);
  sched().claim(1, 0, deadline(2, 10), at(0));
  sched().claim(2, 0, deadline(22, 40), at(0));
  sched().charge(1, 1, {}, at(0));
  sched().publish(1, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  sched().publish(2, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  decide(at(0));
  sched().charge(1, 1, milliseconds(3), at(3));
  // By 40 ms the other needs 24.2 and its own next jobs 6.6 of 34.6 ms: 3.8 are nobody's.
  Time again = decide(at(3));
  EXPECT_GT(level(1, 1), level(2, 1)) << "though it is overdrawn";
  EXPECT_GT(again, at(4)) << "1.4 ms, and it is two limits ahead";
  Time t;
  while (level(1, 1) > level(2, 1) && again < at(10)) {
    t = again;
    sched().charge(1, 1, t - at(0), t);
    again = decide(t);
  }
  EXPECT_LT(t, at(6)) << "then they are used up";
}

TEST_F(SchedulerTest, AnExhaustedClaimLosesItsRankAndGetsItBack) {
  add(1), add(2);
  sched().claim(1, 0, deadline(2, 10), at(0));
  sched().charge(1, 1, {}, at(0));
  sched().publish(1, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  Time t = at(0), again = decide(t);
  while (level(1, 1) > 0 && t < at(100)) {  // it computes all the time
    t = again;
    sched().charge(1, 1, t - at(0), t);
    again = decide(t);
  }
  EXPECT_GT(t, at(6)) << "its limit, and as much again twice";
  EXPECT_LT(t, at(8));
  EXPECT_EQ(sched().claim_view(1, 0, t).status, CANDOR_CLAIM_EXHAUSTED);
  EXPECT_EQ(again, at(10));
  decide(again);
  EXPECT_GT(level(1, 1), 0);
  EXPECT_EQ(sched().claim_view(1, 0, again).status, CANDOR_CLAIM_ADMITTED);
}

TEST_F(SchedulerTest, ALaterPlaceKnowsThatItIsPreempted) {
  add(1), add(2);
  sched().claim(1, 0, deadline(1, 10), at(0));
  sched().claim(2, 0, deadline(1, 20), at(0));
  sched().publish(1, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  sched().publish(2, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  decide(at(0));
  EXPECT_EQ(sched().vcpu_view(1, 1, at(0)).preempted, 0u);
  EXPECT_EQ(sched().vcpu_view(2, 1, at(0)).preempted, 1u);
  sched().publish(1, 0, job(CANDOR_THREAD_WAITING, at(10), 2), at(1));
  decide(at(1));
  EXPECT_EQ(sched().vcpu_view(2, 1, at(1)).preempted, 0u);
  EXPECT_EQ(sched().vcpu_view(2, 1, at(1)).waiting_key, at(10));
}

TEST_F(SchedulerTest, AFairVcpuKnowsWhetherItIsSoleAndWanted) {
  add(1), add(2);
  sched().place_fair(1, 0, 0);
  sched().place_fair(2, 0, 0);
  sched().publish_vcpu(2, 0, {.state = CANDOR_VCPU_WAITING, .ready = {}});
  EXPECT_EQ(sched().vcpu_view(1, 0, at(0)).sole, 0u);
  EXPECT_EQ(sched().vcpu_view(1, 0, at(0)).wanted, 0u);
  sched().publish_vcpu(2, 0, {.state = CANDOR_VCPU_RUNNING, .ready = {}});
  EXPECT_EQ(sched().vcpu_view(1, 0, at(0)).wanted, 1u);
  sched().remove_vm(2, at(0));
  EXPECT_EQ(sched().vcpu_view(1, 0, at(0)).sole, 1u);
}

TEST_F(SchedulerTest, TheRunListHoldsThreadsOfAllClassesEachWithAReason) {
  add(1), add(2);
  sched().claim(1, 0, deadline(1, 10), at(0));
  sched().claim(2, 0, fixed(30, 1, 10), at(0));
  sched().claim(2, 1, fixed(20, 1, 10), at(0));
  for (const VmId vm : {1u, 2u}) sched().publish(vm, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  const candor_ready ready[] = {
      {.thread = 5,
       .cls = CANDOR_CLASS_BACKGROUND,
       .priority = 0,
       .reserved = 0,
       .deadline_ns = CANDOR_NO_TIME,
       .expected_ns = 0},
      {.thread = 6,
       .cls = CANDOR_CLASS_FAIR,
       .priority = 0,
       .reserved = 0,
       .deadline_ns = CANDOR_NO_TIME,
       .expected_ns = 9},
      {.thread = 6,
       .cls = CANDOR_CLASS_FAIR,
       .priority = 0,
       .reserved = 0,
       .deadline_ns = 1,
       .expected_ns = 0},
      {.thread = 7,
       .cls = CANDOR_CLASS_DEADLINE,
       .priority = 0,
       .reserved = 0,
       .deadline_ns = 1,
       .expected_ns = 0},
  };
  sched().publish_vcpu(1, 0, {.state = CANDOR_VCPU_RUNNING, .running = 5, .ready = ready});
  sched().publish_unclaimed(2, 9, CANDOR_CLASS_FAIR, job(CANDOR_THREAD_WAITING, at(3)));
  decide(at(0));
  std::vector<RunListItem> list;
  sched().run_list(at(0), list);
  std::string names;
  for (const RunListItem& i : list)
    names += std::to_string(i.vm) + "." + std::to_string(i.thread) + "/" + std::to_string(i.cls) + " ";
  // Claims; then ready fair ones (a class that was not admitted is fair), background, and who waits.
  EXPECT_EQ(names, "1.0/1 2.0/2 2.1/2 1.7/3 1.6/3 1.5/4 2.9/3 ");
  ASSERT_EQ(list.size(), 7u);
  EXPECT_EQ(list[1].behind_previous, OrderReason::kClass);
  EXPECT_EQ(list[2].behind_previous, OrderReason::kPriority);
  EXPECT_EQ(list[4].behind_previous, OrderReason::kDeadline);
  EXPECT_EQ(list[5].behind_previous, OrderReason::kClass);
  EXPECT_EQ(list[5].state, kThreadRunning);
  EXPECT_EQ(list[6].behind_previous, OrderReason::kReady);
  EXPECT_GT(list[0].level, list[1].level);
}

TEST_F(SchedulerTest, AnExhaustedClaimIsListedAmongTheFair) {
  add(1);
  sched().claim(1, 0, deadline(1, 10), at(0));
  sched().charge(1, 1, {}, at(0));
  sched().publish(1, 0, job(CANDOR_THREAD_READY, at(0)), at(0));
  sched().charge(1, 1, milliseconds(9), at(9));
  decide(at(9));
  std::vector<RunListItem> list;
  sched().run_list(at(9), list);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_TRUE(list[0].exhausted);
  EXPECT_EQ(list[0].cls, CANDOR_CLASS_FAIR);
  EXPECT_EQ(list[0].level, 0);
}

TEST_F(SchedulerTest, ItHoldsWhatItsCapacitySays) {
  constexpr Capacity kLarge{.vms = 10'000, .claims = 20'000, .processors = 256};
  Scheduler large(kLarge.processors, {}, kLarge);
  EXPECT_EQ(large.processors(), 256u);
  for (VmId vm = 0; vm < kLarge.vms; ++vm) {
    ASSERT_TRUE(large.add_vm(vm * 7, {.bandwidth_ppm = 1'000, .fair_vcpus = 1, .realtime_vcpus = 2}));
    for (const std::uint32_t thread : {0u, 1u})
      ASSERT_EQ(
          large
              .claim(vm * 7, thread,
                     {.cls = CANDOR_CLASS_DEADLINE, .budget_ns = 50'000, .period_ns = 1'000'000'000}, at(0))
              .status,
          CANDOR_CLAIM_ADMITTED);
  }
  EXPECT_FALSE(large.add_vm(1, {}));
  for (std::uint32_t p = 0; p < large.processors(); ++p) {
    EXPECT_FALSE(large.decide(p, at(0)).changes.empty());
    EXPECT_GT(large.used_ppm(p), 0u) << "spread over all";
  }
  EXPECT_EQ(Scheduler(300, {}, kLarge).processors(), 256u);
}

TEST_F(SchedulerTest, NoMoreClaimsThanThereIsRoomForAreAdmitted) {
  Scheduler small(1, {}, {.vms = 1, .claims = 1, .processors = 1});
  ASSERT_TRUE(small.add_vm(1, {.bandwidth_ppm = 800'000, .realtime_vcpus = 2}));
  EXPECT_FALSE(small.add_vm(2, {}));
  EXPECT_EQ(small.claim(1, 0, deadline(1, 10), at(0)).status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(small.claim(1, 1, deadline(1, 10), at(0)).reason, CANDOR_REFUSED_NO_VCPU);
}

TEST_F(SchedulerTest, NumbersOutOfRangeHaveNoEffect) {
  add(1);
  EXPECT_FALSE(sched().add_vm(1, {}));
  EXPECT_FALSE(sched().add_vm(2, {.fair_vcpus = 60, .realtime_vcpus = 5}));
  EXPECT_FALSE(sched().add_vm(2, {.max_priority = 100}));
  sched().publish(9, 0, {}, at(0));
  sched().publish(1, 64, {}, at(0));
  sched().publish_vcpu(1, 64, {});
  sched().charge(1, 0, {}, at(0));
  sched().release(1, 64, at(0));
  sched().remove_vm(9, at(0));
  EXPECT_TRUE(sched().decide(9, at(0)).changes.empty());
  EXPECT_EQ(sched().decide(0, at(0)).next, Time::never());
}

}  // namespace
}  // namespace candor::sched
