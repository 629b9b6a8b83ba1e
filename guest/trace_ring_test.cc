#include "guest/trace_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace candor::kernel {
namespace {

constexpr std::uint32_t kRoom = 16;

class TraceRingTest : public testing::Test {
 protected:
  void start() { ring_.start(memory_.data(), kRoom, page_); }
  // Number n of all: at time n, of thread n % 64, with n as argument.
  void add(std::uint64_t n) {
    ring_.add(Time{static_cast<std::int64_t>(n)}, CANDOR_TRACE_WAKE, n % CANDOR_MAX_THREADS,
              static_cast<std::uint32_t>(n));
  }
  std::array<candor_trace, kRoom> memory_{};
  candor_guest_vcpu page_{};
  TraceRing ring_;
};

TEST_F(TraceRingTest, IsOffAndUnknownToTheHostUntilItIsStarted) {
  candor_trace record;
  EXPECT_FALSE(ring_.on());
  EXPECT_EQ(ring_.written(), 0u);
  EXPECT_FALSE(ring_.read(0, record));
  start();
  EXPECT_TRUE(ring_.on());
  EXPECT_EQ(page_.trace_at, reinterpret_cast<std::uint64_t>(memory_.data()));
  EXPECT_EQ(page_.trace_records, kRoom);
  EXPECT_EQ(page_.trace_next, 0u);
}

TEST_F(TraceRingTest, RecordsLieAsTheAbiHasThem) {
  start();
  ring_.add(Time{77}, CANDOR_TRACE_TIMER, CANDOR_TRACE_UNKNOWN, 0xfedcba98);
  EXPECT_EQ(memory_[0].time_ns, 77u);
  EXPECT_EQ(memory_[0].event, CANDOR_TRACE_TIMER);
  EXPECT_EQ(memory_[0].thread, CANDOR_TRACE_UNKNOWN);
  EXPECT_EQ(memory_[0].argument, 0xfedcba98u);
  EXPECT_EQ(memory_[0].reserved, 0u);
  EXPECT_EQ(page_.trace_next, 1u);
}

TEST_F(TraceRingTest, TheOldestAreOverwrittenAndNotReadAnyMore) {
  start();
  constexpr std::uint64_t kAll = 3 * kRoom + 5;
  candor_trace record;
  for (std::uint64_t n = 0; n < kAll; ++n) {
    EXPECT_FALSE(ring_.read(n, record)) << "still to come";
    add(n);
    ASSERT_EQ(ring_.written(), n + 1);
    for (std::uint64_t i = 0; i <= n; ++i) {
      // Of those that are there, the place of the oldest is the next to be written.
      ASSERT_EQ(ring_.read(i, record), i + kRoom > n + 1) << i << " of " << n + 1;
      if (i + kRoom > n + 1) {
        ASSERT_EQ(record.time_ns, i);
        ASSERT_EQ(record.argument, i);
        ASSERT_EQ(record.thread, i % CANDOR_MAX_THREADS);
      }
    }
  }
}

TEST_F(TraceRingTest, TimesDoNotGoBack) {
  start();
  candor_trace record;
  for (const std::int64_t t : {5, 9, 7, 8, 12}) ring_.add(Time{t}, CANDOR_TRACE_YIELD, 0, 0);
  std::vector<std::uint64_t> times;
  for (std::uint64_t i = 0; i < 5; ++i)
    if (ring_.read(i, record)) times.push_back(record.time_ns);
  EXPECT_EQ(times, (std::vector<std::uint64_t>{5, 9, 9, 9, 12}));
}

TEST_F(TraceRingTest, WhatIsReadWhileItIsWrittenIsWhole) {
  constexpr std::uint64_t kAll = 300'000;
  start();
  std::atomic<bool> go{false};
  std::thread writer([&] {
    while (!go) std::this_thread::yield();
    for (std::uint64_t n = 0; n < kAll; ++n) add(n);
  });
  go = true;
  std::uint64_t read = 0, overwritten = 0;
  for (std::uint64_t seen = 0; seen < kAll;) {
    const std::uint64_t end = ring_.written();
    for (std::uint64_t n = end > kRoom ? end - kRoom : 0; n < end; ++n) {
      candor_trace record;
      if (!ring_.read(n, record)) {
        ++overwritten;
        continue;
      }
      ++read;
      ASSERT_EQ(record.time_ns, n);
      ASSERT_EQ(record.argument, n);
      ASSERT_EQ(record.thread, n % CANDOR_MAX_THREADS);
    }
    seen = end;
  }
  writer.join();
  EXPECT_GT(read, 0u);
  EXPECT_GT(overwritten, 0u);
}

TEST(TraceWindow, LeavesOutWhatMayHaveBeenOverwritten) {
  const auto is = [](TraceWindow w, std::uint64_t first, std::uint64_t end) {
    return w.first == first && w.end == end;
  };
  EXPECT_TRUE(is(whole_records(0, 0, 16), 0, 0));
  EXPECT_TRUE(is(whole_records(15, 15, 16), 0, 15)) << "there is a place left to write";
  EXPECT_TRUE(is(whole_records(16, 16, 16), 1, 16)) << "number 16 may be under way, in the place of 0";
  EXPECT_TRUE(is(whole_records(100, 105, 16), 90, 100));
  EXPECT_TRUE(is(whole_records(100, 200, 16), 100, 100)) << "all of them";
  EXPECT_TRUE(is(whole_records(100, 99, 16), 100, 100)) << "no honest writer does that";
  EXPECT_TRUE(is(whole_records(~0ull, ~0ull, 16), ~0ull - 15, ~0ull));
  EXPECT_TRUE(is(whole_records(3, 3, 1), 3, 3));
}

TEST(TraceLength, FitsOrSaysThatItDoesNot) {
  EXPECT_EQ(trace_length(Duration{-5}), 0u);
  EXPECT_EQ(trace_length(microseconds(3)), 3000u);
  EXPECT_EQ(trace_length(seconds(5)), ~0u);
  EXPECT_EQ(trace_length(Time::never() - Time{7}), ~0u);
}

}  // namespace
}  // namespace candor::kernel
