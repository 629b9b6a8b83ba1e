#include "guest/detect/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "abi/candor.h"

namespace candor::detect {
namespace {

using testing::HasSubstr;

Finding found(HostKind kind, Sure sure, std::string_view name = "") {
  Finding f;
  f.kind = kind;
  f.sure = sure;
  f.name.set("{}", name);
  return f;
}

const Finding kSilent = by_vmcpuid({.undefined = true});
const Finding kCandorAnswers = by_vmcpuid({.answer = CANDOR_IDENTITY | 1});

TEST(Vmcpuid, ItsAnswerIsCertainAndAnExceptionSaysOnlyThatThisIsNotCandor) {
  EXPECT_EQ(kCandorAnswers.kind, HostKind::kCandor);
  EXPECT_EQ(kCandorAnswers.sure, Sure::kCertain);
  EXPECT_EQ(name_of(kCandorAnswers), "Candor, ABI 1");
  EXPECT_EQ(kSilent.kind, HostKind::kUnknown);
  EXPECT_EQ(kSilent.sure, Sure::kNot);
  EXPECT_THAT(kSilent.evidence.view(), HasSubstr("invalid-opcode"));
}

TEST(Vmcpuid, AnotherAnswerIsSomebodysButNotCandors) {
  for (const std::uint64_t answer : {0ull, ~0ull, CANDOR_IDENTITY >> 8 | 1, CANDOR_IDENTITY ^ 1ull << 32}) {
    const Finding f = by_vmcpuid({.answer = answer});
    EXPECT_EQ(f.kind, HostKind::kHypervisor) << std::hex << answer;
    EXPECT_EQ(f.sure, Sure::kLikely);
  }
}

TEST(Verdict, OnCandorTheOthersTellOfTheMachineBelow) {
  const std::vector<Finding> all = {kCandorAnswers, found(HostKind::kHypervisor, Sure::kCertain, "KVM"),
                                    found(HostKind::kHypervisor, Sure::kLikely)};
  const Verdict v = combine(all);
  EXPECT_EQ(v.here.kind, HostKind::kCandor);
  EXPECT_EQ(name_of(v.machine), "KVM");
  EXPECT_FALSE(v.contradicted);
}

TEST(Verdict, WithoutCandorTheMostCertainCounts) {
  const Finding hardware = found(HostKind::kHardware, Sure::kPerhaps);
  const Finding hidden = found(HostKind::kHypervisor, Sure::kLikely);
  const std::vector<Finding> all = {kSilent, hardware, hidden};
  const Verdict v = combine(all);
  EXPECT_EQ(v.here.kind, HostKind::kHypervisor);
  EXPECT_EQ(v.here.sure, Sure::kLikely);
  EXPECT_FALSE(v.contradicted) << "nothing speaks against perhaps";
  EXPECT_EQ(v.machine.sure, Sure::kNot);
}

TEST(Verdict, FindingsThatAreEachLikelyAndDoNotAgreeAreTold) {
  const std::vector<Finding> all = {kSilent, found(HostKind::kHypervisor, Sure::kCertain, "Xen"),
                                    found(HostKind::kHardware, Sure::kLikely)};
  const Verdict v = combine(all);
  EXPECT_EQ(name_of(v.here), "Xen");
  EXPECT_TRUE(v.contradicted);
}

TEST(Verdict, EachWayAloneIsAVerdict) {
  EXPECT_EQ(combine({&kCandorAnswers, 1}).here.kind, HostKind::kCandor);
  EXPECT_EQ(name_of(combine({&kSilent, 1}).here), "unknown");
  EXPECT_EQ(combine({}).here.kind, HostKind::kUnknown);
  const Finding likely = found(HostKind::kEmulator, Sure::kLikely);
  EXPECT_EQ(name_of(combine({&likely, 1}).here), "an emulator");
}

TEST(ShortText, IsCutOffAndNeverLonger) {
  ShortText text;
  for (int i = 0; i < 100; i++) text.add("{}, ", i);
  EXPECT_EQ(text.view().size(), ShortText::kMost);
  EXPECT_EQ(text.view().substr(0, 9), "0, 1, 2, ");
  text.set("{}", "short");
  EXPECT_EQ(text.view(), "short");
}

}  // namespace
}  // namespace candor::detect
