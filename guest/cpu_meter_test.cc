#include "guest/cpu_meter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

namespace candor::kernel {
namespace {

TEST(CpuMeter, CountsWhatLiesBetweenStartAndStopOnly) {
  std::mt19937_64 random(20261126);
  CpuMeter meter;
  Time t{1'000'000'000'000};
  Duration model;
  bool runs = false;
  for (int i = 0; i < 100'000; ++i) {
    const Duration step{static_cast<std::int64_t>(random() % 5'000'000)};
    t = t + step;
    if (runs) model += step;
    switch (random() % 4) {
      case 0:
        meter.start(t);
        runs = true;
        break;
      case 1:
        meter.stop(t);
        runs = false;
        break;
      case 2: {
        const Duration off{static_cast<std::int64_t>(random() % 1000)};
        if (off > model) break;
        meter.take_off(off);
        model -= off;
        break;
      }
      default:
        break;
    }
    ASSERT_EQ(meter.used(t), model) << "after " << i << " steps";
    ASSERT_EQ(meter.read([&] { return t; }), model) << "after " << i << " steps";
  }
}

TEST(CpuMeter, AReaderIsNeverBetweenADispatchAndItsTime) {
  // The writer's thread runs half of the time, so no reading may be more than half of the clock and one turn.
  constexpr std::int64_t kTurn = 1000;
  CpuMeter meter;
  std::atomic<std::int64_t> clock{0};
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::int64_t i = 0; i < 200'000; ++i) {
      meter.start(Time{2 * i * kTurn});
      clock = (2 * i + 1) * kTurn;
      meter.stop(Time{(2 * i + 1) * kTurn});
      clock = (2 * i + 2) * kTurn;
    }
    done = true;
  });
  std::int64_t last = 0;
  bool back = false, too_much = false;
  while (!done) {
    const std::int64_t read = meter.read([&] { return Time{clock}; }).ns;
    back |= read < last - kTurn;
    too_much |= read > clock / 2 + kTurn;
    last = read;
  }
  writer.join();
  EXPECT_FALSE(back);
  EXPECT_FALSE(too_much);
  EXPECT_EQ(meter.used(Time{}).ns, 200'000 * kTurn);
}

TEST(ShareOfStolen, IsInProportionAndNeverMoreThanItsOwn) {
  EXPECT_EQ(share_of_stolen(milliseconds(10), milliseconds(30), milliseconds(100)), milliseconds(3));
  EXPECT_EQ(share_of_stolen({}, milliseconds(30), milliseconds(100)), Duration{});
  EXPECT_EQ(share_of_stolen(milliseconds(10), {}, {}), Duration{});
  EXPECT_EQ(share_of_stolen(seconds(9), milliseconds(30), milliseconds(100)), milliseconds(30))
      << "more than ran";
  std::mt19937_64 random(1126);
  for (int i = 0; i < 100'000; ++i) {
    const auto any = [&](std::int64_t most) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most) >> random() % 40);
    };
    const Duration all{any(INT64_MAX / 4) + 1}, own{any(all.ns) % (all.ns + 1)}, stolen{any(all.ns)};
    const auto exact =
        static_cast<double>(stolen.ns) * (static_cast<double>(own.ns) / static_cast<double>(all.ns));
    const Duration share = share_of_stolen(stolen, own, all);
    ASSERT_GE(share.ns, 0);
    ASSERT_LE(share, own);
    ASSERT_NEAR(static_cast<double>(share.ns), exact,
                exact * 1e-6 + static_cast<double>(stolen.ns) * 1e-8 + 2)
        << stolen.ns << " of " << own.ns << " / " << all.ns;
  }
}

}  // namespace
}  // namespace candor::kernel
