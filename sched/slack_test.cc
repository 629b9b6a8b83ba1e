#include "sched/slack.h"

#include <gtest/gtest.h>

#include <vector>

#include "sched/admission.h"

namespace candor::sched {
namespace {

Time in_us(std::int64_t us) {
  return Time{seconds(1).ns + microseconds(us).ns};
}

constexpr Duration gives(Duration time) {
  return Duration{time.ns / 1000 * (ProcessorModel{}.ceiling_ppm / 1000)};
}

Duration slack_of(std::vector<Demand> demands, Time deadline) {
  ProcessorModel model;
  model.job_overhead = Duration{};
  return slack(demands, in_us(0), deadline, model);
}

TEST(Slack, AloneItIsWhatTheDeadlineLeaves) {
  const Demand own{in_us(4'000), {}, milliseconds(1), milliseconds(10)};
  EXPECT_EQ(slack_of({own}, in_us(4'000)), gives(milliseconds(4)));
}

TEST(Slack, WhatIsDueBeforeAndAfterCounts) {
  const Demand own{in_us(4'000), {}, milliseconds(1), milliseconds(10)};
  const Demand before{in_us(2'000), microseconds(500), milliseconds(1), milliseconds(10)};
  // Its next job is due ten periods later: by 4 ms it may need a fifth of a millisecond of that.
  EXPECT_EQ(slack_of({own, before}, in_us(4'000)), gives(milliseconds(4)) - microseconds(700));
  // 3 ms until 5 ms: less is left over there than at the own deadline.
  const Demand after{in_us(5'000), milliseconds(3), milliseconds(3), milliseconds(10)};
  EXPECT_EQ(slack_of({own, after}, in_us(4'000)), gives(milliseconds(5)) - microseconds(3'100));
}

TEST(Slack, WhatIsDueBeforeIsNotDelayed) {
  const Demand own{in_us(9'000), {}, milliseconds(1), milliseconds(10)};
  const Demand hopeless{in_us(1'000), milliseconds(2), milliseconds(1), milliseconds(10)};
  EXPECT_EQ(slack_of({own, hopeless}, in_us(9'000)), gives(milliseconds(9)) - microseconds(2'800));
}

TEST(Slack, NothingIsNeverLessThanNothing) {
  const Demand own{in_us(1'000), {}, milliseconds(1), milliseconds(10)};
  const Demand other{in_us(2'000), milliseconds(2), milliseconds(2), milliseconds(10)};
  EXPECT_EQ(slack_of({own, other}, in_us(1'000)), Duration{0});
}

TEST(Slack, DeadlinesFarAwayDoNotOverflow) {
  const Demand own{in_us(1'000), {}, milliseconds(1), milliseconds(10)};
  const Demand far{Time{kFarNs} + kMaxPeriod, seconds(40), seconds(40), kMaxPeriod};
  EXPECT_EQ(slack_of({own, far}, in_us(1'000)), gives(milliseconds(1)));
}

}  // namespace
}  // namespace candor::sched
