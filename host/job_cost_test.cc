#include "host/job_cost.h"

#include <gtest/gtest.h>

#include <vector>

namespace candor::host {
namespace {

std::vector<ActivationSample> samples(std::size_t count, Duration lost, Duration charged) {
  return std::vector<ActivationSample>(count, {.lost = lost, .charged = charged});
}

TEST(JobCost, IsTheMedianOfWhatIsLostBesidesTheCharge) {
  auto plain = samples(20, microseconds(14), microseconds(4));
  const auto looks = samples(20, microseconds(21), microseconds(9));
  for (std::size_t i = 0; i < 9; ++i) plain[i].lost = milliseconds(5);  // something else had the processor
  const auto cost = job_cost_of(plain, looks);
  ASSERT_TRUE(cost);
  EXPECT_EQ(cost->activation, microseconds(10));
  EXPECT_EQ(cost->look, microseconds(21)) << "none of it is charged to a claim";
  EXPECT_EQ(cost->overhead(), microseconds(35)) << "in whole steps, upwards";
}

TEST(JobCost, AChargeAboveTheLossIsNoGain) {
  const auto cost =
      job_cost_of(samples(10, microseconds(3), microseconds(4)), samples(10, microseconds(6), {}));
  ASSERT_TRUE(cost);
  EXPECT_EQ(cost->activation, Duration{});
}

TEST(JobCost, KeepsToItsRange) {
  EXPECT_EQ((JobCost{.activation = {}, .look = nanoseconds(10)}.overhead()), kLeastJobOverhead);
  EXPECT_EQ((JobCost{.activation = milliseconds(3), .look = {}}.overhead()), kMostJobOverhead);
}

TEST(JobCost, TooFewSamplesAreNoResult) {
  const auto enough = samples(kLeastSamples, microseconds(5), {});
  const auto few = samples(kLeastSamples - 1, microseconds(5), {});
  EXPECT_TRUE(job_cost_of(enough, enough));
  EXPECT_FALSE(job_cost_of(few, enough));
  EXPECT_FALSE(job_cost_of(enough, few));
}

}  // namespace
}  // namespace candor::host
