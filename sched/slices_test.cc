#include "sched/slices.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <initializer_list>
#include <vector>

namespace candor::sched {
namespace {

constexpr Duration kOwn = milliseconds(3);

std::optional<Duration> total(std::initializer_list<std::uint64_t> expected) {
  SliceRequest request;
  for (const std::uint64_t e : expected) request.add(e);
  return request.total();
}

Duration fresh(Duration request) {
  return next_slice(request, true, {}, kOwn);
}

TEST(Slices, ARequestIsWhatAllThreadsExpectTogether) {
  EXPECT_EQ(total({}), std::nullopt);
  EXPECT_EQ(total({300'000}), microseconds(300));
  EXPECT_EQ(total({300'000, 150'000}), microseconds(450));
  EXPECT_EQ(total({300'000, 0}), Duration{}) << "one that says nothing may take any time";
  EXPECT_EQ(total({0, 300'000}), Duration{});
  EXPECT_EQ(total({~0ull, ~0ull, 1}), SliceRequest::kLongest);
}

TEST(Slices, TheShortestStepThatHoldsTheRequest) {
  EXPECT_EQ(fresh({1}), kShortestSlice);
  EXPECT_EQ(fresh(microseconds(80)), microseconds(100));
  EXPECT_EQ(fresh(microseconds(300)), microseconds(400));
  EXPECT_EQ(fresh(microseconds(500)), microseconds(800));
  EXPECT_EQ(fresh(microseconds(1000)), microseconds(1600));
}

TEST(Slices, LongAndUnknownRequestsHaveTheKernelsOwn) {
  EXPECT_EQ(fresh({}), Duration{});
  EXPECT_EQ(fresh(microseconds(1700)), Duration{}) << "3.2 ms would be longer than the kernel's own";
  EXPECT_EQ(fresh(SliceRequest::kLongest), Duration{});
  EXPECT_EQ(next_slice(Duration{}, true, microseconds(400), kOwn), Duration{});
  EXPECT_EQ(next_slice(microseconds(10), true, {}, microseconds(100)), Duration{}) << "no step is shorter";
}

TEST(Slices, RequestsAboutAStepDoNotGoToAndFro) {
  Duration slice = fresh(microseconds(390));
  EXPECT_EQ(slice, microseconds(800)) << "no eighth to spare in 400 us";
  slice = next_slice(microseconds(405), true, slice, kOwn);
  slice = next_slice(microseconds(370), true, slice, kOwn);
  EXPECT_EQ(slice, microseconds(800));
  slice = next_slice(microseconds(350), true, slice, kOwn);
  EXPECT_EQ(slice, microseconds(400));
  slice = next_slice(microseconds(400), true, slice, kOwn);
  EXPECT_EQ(slice, microseconds(400)) << "it still fits";
  EXPECT_EQ(next_slice(microseconds(401), true, slice, kOwn), microseconds(800)) << "longer at once";
}

TEST(Slices, WhoSaysNothingKeepsItsSlice) {
  EXPECT_EQ(next_slice(std::nullopt, true, microseconds(400), kOwn), microseconds(400));
  EXPECT_EQ(next_slice(std::nullopt, true, {}, kOwn), Duration{});
}

TEST(Slices, WhoDoesNotSleepHasTheKernelsOwnWhateverItSays) {
  EXPECT_EQ(next_slice(kShortestSlice, false, {}, kOwn), Duration{});
  EXPECT_EQ(next_slice(kShortestSlice, false, microseconds(400), kOwn), Duration{});
  EXPECT_EQ(next_slice(std::nullopt, false, microseconds(400), kOwn), Duration{});
  EXPECT_TRUE(sleeps(milliseconds(50), milliseconds(30), milliseconds(100)));
  EXPECT_FALSE(sleeps(milliseconds(50), milliseconds(31), milliseconds(100)));
}

RC_GTEST_PROP(Slices, BoundsHoldForAnyInput, ()) {
  const auto expected = *rc::gen::arbitrary<std::vector<std::uint64_t>>();
  const Duration now{*rc::gen::arbitrary<std::int64_t>()}, own{*rc::gen::arbitrary<std::int64_t>()};
  SliceRequest request;
  for (const std::uint64_t e : expected) request.add(e);
  const auto sum = request.total();
  RC_ASSERT(sum.has_value() == !expected.empty());
  RC_ASSERT(!sum || (*sum >= Duration{0} && *sum <= SliceRequest::kLongest));
  const std::optional<Duration> any{Duration{*rc::gen::arbitrary<std::int64_t>()}};
  for (const auto& wish : {sum, any}) {
    const Duration slice = next_slice(wish, *rc::gen::arbitrary<bool>(), now, own);
    RC_ASSERT(slice == Duration{} || (slice >= kShortestSlice && slice < own));
  }
}

// Whatever is asked for in turn: a slice holds the request or is the kernel's own, and the same request again
// changes nothing.
RC_GTEST_PROP(Slices, HoldTheRequestAndSettle, ()) {
  const auto requests =
      *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 5'000'000));
  Duration slice;
  for (const std::int64_t ns : requests) {
    slice = next_slice(Duration{ns}, true, slice, kOwn);
    RC_ASSERT(slice == Duration{} || slice >= Duration{ns});
    RC_ASSERT(next_slice(Duration{ns}, true, slice, kOwn) == slice);
  }
}

}  // namespace
}  // namespace candor::sched
