#include "guest/detect/timing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace candor::detect {
namespace {

using testing::HasSubstr;

const std::vector<Reference> kThree = {
    {"iron", HostKind::kHardware, Privilege::kAny, {{300, 500, 800}, {200, 350, 900}}},
    {"visor", HostKind::kHypervisor, Privilege::kAny, {{2600, 4500, 9000}, {200, 350, 900}}},
    {"translator",
     HostKind::kEmulator,
     Privilege::kKernel,
     {{300, 400, 500}, {13'000, 17'000, 20'000}, {}, {}, {}}},
};

TimingObservation seen_as(std::uint32_t cpuid, std::uint32_t string,
                          Privilege privilege = Privilege::kKernel) {
  TimingObservation seen;
  seen.privilege = privilege;
  seen.spreads[kProbeCpuid] = {cpuid, cpuid, cpuid};
  seen.spreads[kProbeString] = {string, string, string};
  return seen;
}

TEST(Timing, TellsHardwareHypervisorsAndEmulatorsApart) {
  EXPECT_EQ(by_timing(seen_as(500, 350), kThree).kind, HostKind::kHardware);
  EXPECT_EQ(by_timing(seen_as(500, 350), kThree).sure, Sure::kLikely);
  EXPECT_EQ(by_timing(seen_as(4000, 350), kThree).kind, HostKind::kHypervisor);
  EXPECT_EQ(by_timing(seen_as(4000, 350), kThree).sure, Sure::kLikely);
  const Finding f = by_timing(seen_as(390, 17'500), kThree);
  EXPECT_EQ(f.kind, HostKind::kEmulator);
  EXPECT_EQ(f.sure, Sure::kLikely) << "never certain";
  EXPECT_THAT(f.evidence.view(), HasSubstr("0.3 chains; 0.0 octaves from \"translator\""));
  EXPECT_THAT(f.evidence.view(), HasSubstr("from \"iron\""));
}

TEST(Timing, BetweenTwoKindsItDoesNotSayLikely) {
  for (std::uint32_t cpuid = 1200; cpuid <= 1800; cpuid += 50) {
    const Finding f = by_timing(seen_as(cpuid, 350), kThree);
    EXPECT_LE(f.sure, Sure::kPerhaps) << cpuid;
  }
}

TEST(Timing, WhatIsNotNearItDoesNotCallLikelyThoughNothingElseIsNearer) {
  // 1.8 octaves from the one, 4.3 from the other.
  const Finding f = by_timing(seen_as(54'000, 350), kThree);
  EXPECT_EQ(f.kind, HostKind::kHypervisor);
  EXPECT_EQ(f.sure, Sure::kPerhaps);
}

TEST(Timing, WhatIsLikeNothingRecordedIsUnknown) {
  EXPECT_EQ(by_timing(seen_as(500, 1'000'000), kThree).kind, HostKind::kUnknown);
  EXPECT_EQ(by_timing(seen_as(1, 1), kThree).kind, HostKind::kUnknown);
  EXPECT_EQ(by_timing({}, kThree).kind, HostKind::kUnknown);
  EXPECT_EQ(by_timing(seen_as(500, 350), {}).kind, HostKind::kUnknown);
}

TEST(Timing, OnlyOneKindRecordedIsNotEnoughToBeLikely) {
  EXPECT_EQ(by_timing(seen_as(4000, 350), {&kThree[1], 1}).sure, Sure::kPerhaps);
}

TEST(Timing, AnEqualDistanceToTwoKindsIsUnknown) {
  const std::vector<Reference> twins = {
      {"one", HostKind::kHardware, Privilege::kAny, {{400, 500, 600}, {300, 350, 400}}},
      {"two", HostKind::kHypervisor, Privilege::kAny, {{400, 500, 600}, {300, 350, 400}}}};
  EXPECT_EQ(by_timing(seen_as(500, 350), twins).kind, HostKind::kUnknown);
}

TEST(TimingDistance, ComparesTheSamePrivilegeAndAtLeastTwoProbes) {
  EXPECT_FALSE(distance(seen_as(500, 350, Privilege::kUser), kThree[2]).has_value());
  EXPECT_TRUE(distance(seen_as(500, 350, Privilege::kUser), kThree[0]).has_value());
  EXPECT_FALSE(distance(seen_as(500, 0), kThree[0]).has_value());
}

TEST(TimingDistance, IsTheRootOfTheMeanSquareInOctaves) {
  EXPECT_EQ(distance(seen_as(800, 200), kThree[0]), 0u);
  // Two octaves beyond in one of two probes, none in the other: the root of 2.
  EXPECT_NEAR(static_cast<double>(*distance(seen_as(3200, 350), kThree[0])), 64 * 1.414, 6);
  // And as much below as above.
  EXPECT_NEAR(static_cast<double>(*distance(seen_as(75, 350), kThree[0])), 64 * 1.414, 6);
}

TEST(Spread, HasThePercentilesOfItsSamplesAndIsNeverZeroWhereThereAreSome) {
  std::vector<std::uint32_t> samples;
  for (std::uint32_t i = 0; i < 101; i++) samples.push_back((i * 37) % 101 * 10);
  const Spread s = spread_of(samples);
  EXPECT_EQ(s.low, 100u);
  EXPECT_EQ(s.middle, 500u);
  EXPECT_EQ(s.high, 900u);
  EXPECT_FALSE(spread_of({}).measured());
  std::vector<std::uint32_t> zeros(5, 0);
  EXPECT_TRUE(spread_of(zeros).measured());
}

TEST(Recorded, EachIsOfItsOwnKindByAllTheOthersAndItself) {
  for (const Reference& r : recorded()) {
    TimingObservation seen;
    seen.privilege = r.privilege == Privilege::kAny ? Privilege::kKernel : r.privilege;
    for (std::size_t i = 0; i < kProbes; i++) {
      seen.spreads[i] = r.spreads[i];
      EXPECT_LE(r.spreads[i].low, r.spreads[i].middle) << r.name;
      EXPECT_LE(r.spreads[i].middle, r.spreads[i].high) << r.name;
    }
    const Finding f = by_timing(seen, recorded());
    EXPECT_EQ(f.kind, r.kind) << r.name << ": " << f.evidence.view();
    EXPECT_EQ(f.sure, Sure::kLikely) << r.name << ": " << f.evidence.view();
  }
}

TEST(TimingProperty, WhateverWasSeenTheAnswerIsLikelyAtMost) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 100'000; round++) {
    TimingObservation seen;
    seen.privilege = static_cast<Privilege>(random() % 2);
    for (Spread& s : seen.spreads) {
      const auto any = static_cast<std::uint32_t>(random() >> random() % 32);
      s = {any, any, any};
    }
    const Finding f = by_timing(seen, recorded());
    ASSERT_LE(f.sure, Sure::kLikely);
    ASSERT_EQ(f.sure == Sure::kNot, f.kind == HostKind::kUnknown);
  }
}

}  // namespace
}  // namespace candor::detect
