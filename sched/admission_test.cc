#include "sched/admission.h"

#include <gtest/gtest.h>

#include <vector>

namespace candor::sched {
namespace {

Terms deadline(Duration budget, Duration period, Duration relative = {}) {
  return ProcessorModel{}.bound({.cls = CANDOR_CLASS_DEADLINE,
                                 .budget = budget,
                                 .period = period,
                                 .relative_deadline = relative.ns == 0 ? period : relative});
}

Terms fixed(std::uint32_t priority, Duration budget, Duration period, Duration relative = {}) {
  Terms t = deadline(budget, period, relative);
  t.cls = CANDOR_CLASS_FIXED;
  t.priority = priority;
  return t;
}

bool holds(std::vector<Terms> claims) {
  return processor_holds(claims);
}

ClaimRequest request(std::uint64_t budget, std::uint64_t period, std::uint64_t relative = 0) {
  return {.cls = CANDOR_CLASS_DEADLINE,
          .budget_ns = budget,
          .period_ns = period,
          .relative_deadline_ns = relative};
}

TEST(CheckRequest, SoundTermsPass) {
  const auto terms = check_request(request(1'000'000, 5'000'000));
  ASSERT_TRUE(terms.ok());
  EXPECT_EQ(*terms, deadline(milliseconds(1), milliseconds(5)));
}

TEST(CheckRequest, WhatContradictsItselfIsInvalid) {
  EXPECT_FALSE(check_request(request(0, 5'000'000)).ok());
  EXPECT_FALSE(check_request(request(6'000'000, 5'000'000)).ok());
  EXPECT_FALSE(check_request(request(1'000'000, 5'000'000, 6'000'000)).ok());
  EXPECT_FALSE(check_request(request(2'000'000, 5'000'000, 1'000'000)).ok());
  EXPECT_FALSE(check_request(request(1, ~0ull)).ok());
  EXPECT_FALSE(check_request(request(~0ull, ~0ull)).ok());
  EXPECT_FALSE(check_request(request(1'000, 499'999)).ok()) << "shorter than kMinPeriod";
  ClaimRequest r = request(1'000'000, 5'000'000);
  r.cls = CANDOR_CLASS_FIXED;
  EXPECT_FALSE(check_request(r).ok()) << "priority 0";
  r.priority = 100;
  EXPECT_FALSE(check_request(r).ok());
  r.priority = 99;
  EXPECT_TRUE(check_request(r).ok());
  r.cls = 77;
  EXPECT_FALSE(check_request(r).ok());
}

TEST(CheckRequest, BlockingFitsBetweenTheBudgetAndTheDeadline) {
  const auto with = [](std::uint64_t blocking, std::uint64_t relative = 0) {
    ClaimRequest r = request(1'000'000, 5'000'000, relative);
    r.blocking_ns = blocking;
    return check_request(r);
  };
  const auto terms = with(4'000'000);
  ASSERT_TRUE(terms.ok());
  EXPECT_EQ(terms->blocking, milliseconds(4));
  EXPECT_EQ(terms->reserve(), milliseconds(5));
  EXPECT_EQ(terms->limit, microseconds(5'500)) << "the tolerance is a part of the reserve";
  EXPECT_FALSE(with(4'000'001).ok());
  EXPECT_TRUE(with(1'000'000, 2'000'000).ok());
  EXPECT_FALSE(with(1'000'001, 2'000'000).ok());
  EXPECT_FALSE(with(1, 1'000'000).ok()) << "the budget fills the deadline";
  // Sums with these would come round to small numbers.
  for (const std::uint64_t hostile : {~0ull, ~0ull - 1, ~0ull - 999'999, ~0ull - 1'000'000, 1ull << 63})
    EXPECT_FALSE(with(hostile).ok()) << hostile;
  ClaimRequest r = request(~0ull, 5'000'000);
  r.blocking_ns = 2;
  EXPECT_FALSE(check_request(r).ok());
  r = request(1'000'000, ~0ull, ~0ull);
  r.blocking_ns = ~0ull - 1'000'000;
  EXPECT_FALSE(check_request(r).ok());
  r = {.cls = CANDOR_CLASS_FIXED, .priority = 9, .budget_ns = 1'000'000, .period_ns = 5'000'000};
  r.blocking_ns = 4'000'000;
  EXPECT_TRUE(check_request(r).ok());
  r.blocking_ns = ~0ull;
  EXPECT_FALSE(check_request(r).ok());
}

TEST(Admission, ImplicitDeadlinesFitUpToTheLimit) {
  EXPECT_TRUE(holds({deadline(milliseconds(85), milliseconds(100))}));
  EXPECT_FALSE(holds({deadline(milliseconds(85) + nanoseconds(1), milliseconds(100))}));
  EXPECT_TRUE(
      holds({deadline(milliseconds(2), milliseconds(5)), deadline(milliseconds(9), milliseconds(20))}));
  EXPECT_FALSE(
      holds({deadline(milliseconds(2), milliseconds(5)), deadline(milliseconds(10), milliseconds(20))}));
}

// Deadlines shorter than periods: the sum says little, demand in each interval counts.
TEST(Admission, DemandCountsWhereDeadlinesAreShort) {
  EXPECT_TRUE(holds({deadline(milliseconds(1), milliseconds(10), milliseconds(2)),
                     deadline(milliseconds(1), milliseconds(10), milliseconds(3))}));
  // 3 ms are due within 3 ms, on a processor that holds 85 % of that.
  EXPECT_FALSE(holds({deadline(milliseconds(1), milliseconds(10), milliseconds(2)),
                      deadline(milliseconds(2), milliseconds(10), milliseconds(3))}));
  // Each alone fits; the failing point is a later job of the shorter one (t = 14 ms).
  EXPECT_FALSE(holds({deadline(milliseconds(2), milliseconds(5), milliseconds(4)),
                      deadline(milliseconds(6), milliseconds(20), milliseconds(13))}));
  EXPECT_TRUE(holds({deadline(milliseconds(2), milliseconds(5), milliseconds(4)),
                     deadline(milliseconds(4), milliseconds(20), milliseconds(13))}));
}

// What a short job may use beside its budget is much in proportion, and others wait for it.
TEST(Admission, TheToleranceOfShortBudgetsCountsInEachInterval) {
  std::vector<Terms> claims(7, deadline(microseconds(100), milliseconds(20), microseconds(1'450)));
  EXPECT_TRUE(holds(claims)) << "7 * (100 + 50 + 30) us within 95 % of 1450 us";
  claims.push_back(claims.front());
  EXPECT_FALSE(holds(claims)) << "8 * 100 us alone would have fitted";
}

TEST(Admission, FixedClaimsMustRespondInTime) {
  // 1 ms behind 2 ms of higher priority, with what they may use besides and cost: 3.36 ms, at 95 %
  // speed 3.537.
  EXPECT_TRUE(holds({fixed(9, milliseconds(2), milliseconds(10)),
                     fixed(5, milliseconds(1), milliseconds(10), microseconds(3540))}));
  EXPECT_FALSE(holds({fixed(9, milliseconds(2), milliseconds(10)),
                      fixed(5, milliseconds(1), milliseconds(10), microseconds(3530))}));
  // The other way round the higher one does not care.
  EXPECT_TRUE(holds({fixed(9, milliseconds(2), milliseconds(10), microseconds(2360)),
                     fixed(5, milliseconds(1), milliseconds(10))}));
}

TEST(Admission, FixedClaimsComeBehindAllDeadlineClaims) {
  EXPECT_FALSE(holds({deadline(milliseconds(2), milliseconds(10)),
                      fixed(99, milliseconds(1), milliseconds(10), milliseconds(3))}));
  EXPECT_TRUE(holds({deadline(milliseconds(2), milliseconds(10)),
                     fixed(99, milliseconds(1), milliseconds(10), milliseconds(4))}));
}

TEST(Admission, EqualPrioritiesInterfere) {
  EXPECT_FALSE(holds({fixed(5, milliseconds(2), milliseconds(10), milliseconds(3)),
                      fixed(5, milliseconds(2), milliseconds(10), milliseconds(3))}));
}

TEST(Admission, TooManyJobsDoNotFitHoweverShort) {
  const Terms dense = deadline(microseconds(1), microseconds(500));
  EXPECT_TRUE(holds(std::vector<Terms>(5, dense))) << "each counts with 81 us of 500";
  EXPECT_FALSE(holds(std::vector<Terms>(6, dense)));
  EXPECT_EQ(bandwidth_of(dense), 160'000u) << "30 us and the least tolerance of 500 us, whatever the budget";
  EXPECT_EQ(bandwidth_of(deadline(milliseconds(1), milliseconds(5))), 200'000u)
      << "the budget, where jobs are rare";
}

TEST(Admission, BlockingCountsLikeTheBudget) {
  const auto blocked = [](Terms t, Duration most) {
    t.blocking = most;
    return ProcessorModel{}.bound(t);
  };
  // In sums, where deadlines are periods.
  EXPECT_TRUE(holds({blocked(deadline(milliseconds(5), milliseconds(100)), milliseconds(80))}));
  EXPECT_FALSE(
      holds({blocked(deadline(milliseconds(5), milliseconds(100)), milliseconds(80) + nanoseconds(1))}));
  // For a claim behind the one that is blocked, not for one before it.
  const Terms urgent = deadline(milliseconds(1), milliseconds(20), milliseconds(4));
  const Terms later = deadline(milliseconds(1), milliseconds(20), microseconds(4'500));
  EXPECT_TRUE(holds({urgent, later}));
  EXPECT_TRUE(holds({blocked(urgent, milliseconds(2))}));
  EXPECT_FALSE(holds({blocked(urgent, milliseconds(2)), later}));
  const Terms first = deadline(milliseconds(1), milliseconds(20), microseconds(1'500));
  EXPECT_TRUE(holds({first, blocked(deadline(milliseconds(1), milliseconds(20)), milliseconds(2))}));
  // Fixed claims, behind a deadline claim and behind each other.
  const Terms high = fixed(9, milliseconds(1), milliseconds(20), milliseconds(4));
  const Terms low = fixed(5, milliseconds(1), milliseconds(20), microseconds(4'500));
  EXPECT_TRUE(holds({high, low}));
  EXPECT_TRUE(holds({blocked(high, milliseconds(2))}));
  EXPECT_FALSE(holds({blocked(high, milliseconds(2)), low})) << "it is less urgent, and waits as well";
  EXPECT_TRUE(holds({high, blocked(low, milliseconds(1))}));
  EXPECT_FALSE(holds({high, blocked(low, milliseconds(2))}));
  EXPECT_TRUE(holds({deadline(milliseconds(1), milliseconds(20)), high}));
  EXPECT_FALSE(holds({blocked(deadline(milliseconds(1), milliseconds(20)), milliseconds(2)), high}));
  // And of the VM's bandwidth, as its threads use it at a rank.
  EXPECT_EQ(bandwidth_of(blocked(deadline(milliseconds(1), milliseconds(5)), milliseconds(1))), 400'000u);
}

// A guest may ask with whatever numbers make the test slow; the answer is then no, soon.
TEST(Admission, OddNumbersAreDecidedWithinTheStepLimit) {
  std::vector<Terms> claims;
  // Sixty-three low utilisations whose responses creep towards each other, and one that fills what is left.
  for (int i = 0; i < 63; ++i)
    claims.push_back(fixed(static_cast<std::uint32_t>(99 - i), microseconds(100 + i),
                           microseconds(40'000 + 7919 * i), microseconds(40'000 + 7919 * i)));
  claims.push_back(deadline(microseconds(1'400), microseconds(2'001), microseconds(2'000)));
  for (std::size_t i = 0; i < claims.size(); i += 2) {
    claims[i].blocking = nanoseconds(static_cast<std::int64_t>(i));
    claims[i] = ProcessorModel{}.bound(claims[i]);
  }
  std::int64_t steps = 0;
  (void)processor_holds(claims, {}, &steps);
  EXPECT_GT(steps, 1'000) << "it was not decided beforehand";
  EXPECT_LE(steps, kMaxSteps + 2 * static_cast<std::int64_t>(claims.size()));
}

TEST(Entitlements, SumVmAndPackingAreToldApart) {
  const auto vm = [](std::uint32_t ppm, std::uint32_t realtime) {
    return Entitlement{.bandwidth_ppm = ppm, .realtime_vcpus = realtime};
  };
  EXPECT_TRUE(entitlements_fit(std::vector{vm(800'000, 1), vm(800'000, 1)}, 2).fits());
  const FitReport sum = entitlements_fit(std::vector{vm(900'000, 2), vm(900'000, 2)}, 2);
  EXPECT_EQ(sum.misfit, Misfit::kSum);
  EXPECT_EQ(sum.sum_ppm, 1'800'000u);
  EXPECT_EQ(sum.limit_ppm, 1'700'000u);
  const FitReport one = entitlements_fit(std::vector{vm(100'000, 1), vm(900'000, 1)}, 2);
  EXPECT_EQ(one.misfit, Misfit::kVm);
  EXPECT_EQ(one.vm, 1u);
  const FitReport packing = entitlements_fit(std::vector{vm(500'000, 1), vm(500'000, 1), vm(500'000, 1)}, 2);
  EXPECT_EQ(packing.misfit, Misfit::kPacking);
  EXPECT_EQ(packing.vm, 2u);
  EXPECT_TRUE(entitlements_fit({}, 1).fits());
}

}  // namespace
}  // namespace candor::sched
