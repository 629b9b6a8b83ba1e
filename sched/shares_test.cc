#include "sched/shares.h"

#include <gtest/gtest.h>

#include <vector>

namespace candor::sched {
namespace {

constexpr Duration kInterval = Shares::kInterval;

FairUse use(VmId vm, std::uint32_t vcpu, std::uint32_t weight, Duration ran, Duration waited,
            std::uint32_t processor = 0) {
  return {.vm = vm, .vcpu = vcpu, .weight = weight, .processor = processor, .ran = ran, .waited = waited};
}

TEST(Shares, WhoGotWhatIsItsKeepsItsWeightAndPlace) {
  Shares shares(8, 2);
  const std::vector uses = {use(0, 0, 100, milliseconds(25), milliseconds(75)),
                            use(1, 0, 300, milliseconds(75), milliseconds(25))};
  const auto places = shares.decide(uses, std::vector{kInterval}, kInterval);
  EXPECT_DOUBLE_EQ(places[0].weight, 100);
  EXPECT_DOUBLE_EQ(places[1].weight, 300);
  EXPECT_EQ(places[0].processor, 0u);
}

TEST(Shares, AVmsWeightIsDividedAmongItsVcpus) {
  Shares shares(8, 2);
  const std::vector uses = {use(0, 0, 100, milliseconds(25), milliseconds(75)),
                            use(0, 1, 100, milliseconds(25), milliseconds(75)),
                            use(1, 0, 100, milliseconds(50), milliseconds(50))};
  const auto places = shares.decide(uses, std::vector{kInterval}, kInterval);
  EXPECT_DOUBLE_EQ(places[0].weight, 50);
  EXPECT_DOUBLE_EQ(places[1].weight, 50);
  EXPECT_DOUBLE_EQ(places[2].weight, 100);
}

TEST(Shares, WhatWasMissedIsOwed) {
  Shares shares(8, 2);
  const std::vector uses = {use(0, 0, 100, milliseconds(40), milliseconds(60)),
                            use(1, 0, 100, milliseconds(60), milliseconds(40))};
  const auto places = shares.decide(uses, std::vector{kInterval}, kInterval);
  EXPECT_DOUBLE_EQ(places[0].weight, 110) << "half of the 10 ms that it missed";
  EXPECT_DOUBLE_EQ(places[1].weight, 90);
}

TEST(Shares, WhoIsNotHungryIsLeftAlone) {
  Shares shares(8, 2);
  const std::vector uses = {use(0, 0, 100, milliseconds(10), milliseconds(2)),
                            use(1, 0, 300, milliseconds(90), milliseconds(10))};
  const auto places = shares.decide(uses, std::vector{kInterval}, kInterval);
  EXPECT_EQ(places[0].processor, kNone);
  EXPECT_DOUBLE_EQ(places[0].weight, 100);
  EXPECT_DOUBLE_EQ(places[1].weight, 300);
}

// 300 of 500 would be 1.2 of two processors; with one vCPU it has one, and the others share the other.
TEST(Shares, MoreThanItsVcpusCanUseIsLeftToOthers) {
  Shares shares(8, 2);
  const std::vector uses = {use(0, 0, 300, milliseconds(100), {}, 0),
                            use(1, 0, 100, milliseconds(50), milliseconds(50), 1),
                            use(2, 0, 100, milliseconds(50), milliseconds(50), 1)};
  const auto places = shares.decide(uses, std::vector(2, kInterval), kInterval);
  EXPECT_EQ(places[0].processor, 0u);
  EXPECT_EQ(places[1].processor, 1u);
  EXPECT_EQ(places[2].processor, 1u);
  EXPECT_DOUBLE_EQ(places[1].weight, places[2].weight);
}

// Three on two processors: whoever was alone shares next.
TEST(Shares, TurnsAreTakenWhereVcpusDoNotDivide) {
  Shares shares(8, 2);
  std::vector uses = {use(0, 0, 100, {}, {}, 0), use(1, 0, 100, {}, {}, 1), use(2, 0, 100, {}, {}, 1)};
  std::vector<double> got(3, 0);
  std::vector<FairPlace> places(3);
  for (std::size_t i = 0; i < 3; ++i) places[i] = {.processor = uses[i].processor, .weight = 100};
  for (int round = 0; round < 100; ++round) {
    for (std::size_t i = 0; i < 3; ++i) {
      double weights = 0;
      for (const FairPlace& p : places) weights += p.processor == places[i].processor ? p.weight : 0;
      const auto ns =
          static_cast<std::int64_t>(static_cast<double>(kInterval.ns) * places[i].weight / weights);
      uses[i].ran = Duration{ns};
      uses[i].waited = kInterval - uses[i].ran;
      uses[i].processor = places[i].processor;
      got[i] += static_cast<double>(ns);
    }
    const auto next = shares.decide(uses, std::vector(2, kInterval), kInterval);
    places.assign(next.begin(), next.end());
  }
  for (const double g : got) EXPECT_NEAR(g / static_cast<double>(kInterval.ns), 66.67, 0.67);
}

TEST(Shares, NobodyIsFine) {
  Shares shares(1, 1);
  EXPECT_TRUE(shares.decide({}, std::vector{kInterval}, kInterval).empty());
}

}  // namespace
}  // namespace candor::sched
