#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "sched/scheduler.h"

namespace candor::sched {
namespace {

Time at_ms(std::int64_t ms) {
  return Time{milliseconds(1000 + ms).ns};
}

class Packing : public testing::Test {
 protected:
  Packing() {
    for (VmId vm = 0; vm < 8; ++vm)
      EXPECT_TRUE(scheduler_.add_vm(vm, {.bandwidth_ppm = 850'000, .fair_vcpus = 1, .realtime_vcpus = 1}));
  }
  Answer claim(VmId vm, std::int64_t budget_ms, Time now = at_ms(0)) {
    return scheduler_.claim(vm, 0,
                            {.cls = CANDOR_CLASS_DEADLINE,
                             .budget_ns = static_cast<std::uint64_t>(milliseconds(budget_ms).ns),
                             .period_ns = 100'000'000},
                            now);
  }
  std::uint32_t processor(VmId vm) { return scheduler_.claim_view(vm, 0, at_ms(0)).processor; }

  Scheduler scheduler_{2};
};

// 30 on one, 30 on the other, and then 50: there is room for it once the first two share.
TEST_F(Packing, OthersMoveToMakeRoom) {
  EXPECT_EQ(claim(0, 30).status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(claim(1, 30).status, CANDOR_CLAIM_ADMITTED);
  ASSERT_NE(processor(0), processor(1));
  EXPECT_TRUE(scheduler_.moves().empty());
  const Answer answer = claim(2, 60);
  EXPECT_EQ(answer.status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(processor(0), processor(1));
  EXPECT_NE(processor(2), processor(0));
  ASSERT_EQ(scheduler_.moves().size(), 1u);
  EXPECT_EQ(scheduler_.moves()[0].to, processor(0));
  EXPECT_NE(scheduler_.moves()[0].from, scheduler_.moves()[0].to);
  // The order of each processor holds who is there now.
  std::vector<Scheduler::ClaimId> on;
  for (std::uint32_t p = 0; p < 2; ++p) {
    scheduler_.decide(p, at_ms(0));
    scheduler_.claims_on(p, on);
    EXPECT_EQ(on.size(), p == processor(2) ? 1u : 2u);
    for (const auto& c : on) EXPECT_EQ(processor(c.vm), p);
  }
  EXPECT_EQ(claim(3, 10).status, CANDOR_CLAIM_ADMITTED);
  EXPECT_TRUE(scheduler_.moves().empty()) << "those of the claim before are forgotten";
}

TEST_F(Packing, OneWithAJobUnderWayStays) {
  claim(0, 30), claim(1, 30);
  for (VmId vm = 0; vm < 2; ++vm)
    scheduler_.publish(
        vm, 0,
        {.state = CANDOR_THREAD_READY, .release_ns = static_cast<std::uint64_t>(at_ms(0).ns), .job = 1},
        at_ms(0));
  EXPECT_EQ(claim(2, 60).reason, CANDOR_REFUSED_PROCESSOR);
  EXPECT_TRUE(scheduler_.moves().empty());
  EXPECT_NE(processor(0), processor(1)) << "all or none";
  scheduler_.publish(
      0, 0,
      {.state = CANDOR_THREAD_WAITING, .release_ns = static_cast<std::uint64_t>(at_ms(100).ns), .job = 2},
      at_ms(10));
  EXPECT_EQ(claim(2, 60, at_ms(10)).status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(processor(0), processor(1));
}

// 42 + 22 + 20 and 40 + 18 + 18 + 8: neither the emptiest nor the fullest first gets there.
TEST_F(Packing, WhereBothOrdersFailAWayIsSearched) {
  VmId vm = 0;
  for (const std::int64_t budget : {42, 40, 22, 20, 18, 18, 8})
    EXPECT_EQ(claim(vm++, budget).status, CANDOR_CLAIM_ADMITTED) << budget;
  std::int64_t sums[2] = {};
  for (vm = 0; vm < 7; ++vm) sums[processor(vm)] += scheduler_.claim_view(vm, 0, at_ms(0)).ppm;
  EXPECT_EQ(sums[0] + sums[1], 1'680'000);
  EXPECT_EQ(std::max(sums[0], sums[1]), 840'000);
}

TEST_F(Packing, WhatIsTooMuchInAllMovesNobody) {
  claim(0, 50), claim(1, 50);
  EXPECT_EQ(claim(2, 80).reason, CANDOR_REFUSED_PROCESSOR);
  EXPECT_TRUE(scheduler_.moves().empty());
}

// The levels that moved vCPUs had elsewhere are not left behind.
TEST_F(Packing, RanksFollow) {
  claim(0, 30), claim(1, 30);
  std::map<VmId, int> level;
  const auto decide = [&] {
    for (std::uint32_t p = 0; p < 2; ++p)
      for (const RankChange& c : scheduler_.decide(p, at_ms(0)).changes) level[c.vm] = c.level;
  };
  decide();
  claim(2, 60);
  decide();
  EXPECT_NE(level[0], level[1]) << "they share a processor now";
  for (VmId vm = 0; vm < 3; ++vm) EXPECT_GT(level[vm], 0) << vm;
}

}  // namespace
}  // namespace candor::sched
