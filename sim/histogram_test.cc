#include "sim/histogram.h"

#include <gtest/gtest.h>

namespace candor::sim {
namespace {

TEST(Histogram, NothingHasNoQuantiles) {
  const Histogram h;
  EXPECT_EQ(h.count(), 0u);
  EXPECT_EQ(h.quantile(0.5), Duration{});
}

TEST(Histogram, ShortTimesAreExact) {
  Histogram h;
  for (int i = 1; i <= 100; ++i) h.add(nanoseconds(i));
  EXPECT_EQ(h.quantile(0.5), nanoseconds(50));
  EXPECT_EQ(h.quantile(0.99), nanoseconds(99));
  EXPECT_EQ(h.quantile(1), nanoseconds(100));
}

TEST(Histogram, LongOnesAreNeverTooShortAndExactToOnePartIn64) {
  for (std::int64_t ns = 1; ns < (std::int64_t{1} << 60); ns = ns * 5 / 3 + 1) {
    Histogram h;
    h.add(Duration{ns});
    h.add(Duration{ns * 2});
    EXPECT_GE(h.quantile(0.5).ns, ns);
    EXPECT_LE(h.quantile(0.5).ns, ns + ns / 64);
    EXPECT_EQ(h.max().ns, ns * 2);
    EXPECT_EQ(h.quantile(1).ns, ns * 2);
  }
}

TEST(Histogram, SumsAreAsIfCountedTogether) {
  Histogram a, b, all;
  for (int i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? a : b).add(microseconds(i));
    all.add(microseconds(i));
  }
  a.add(b);
  for (const double q : {0.01, 0.5, 0.9, 0.999, 1.0}) EXPECT_EQ(a.quantile(q), all.quantile(q));
  EXPECT_EQ(a.count(), all.count());
}

}  // namespace
}  // namespace candor::sim
