// The guests that are written from docs/abi.md alone do what that page promises.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;

std::string config_of(const std::string& image, const std::string& name) {
  return "[host]\ncpus = \"CPU0\"\n[[vm]]\nname = \"" + name + "\"\nimage = \"GUESTS/" + image +
         "\"\nmemory = \"2MiB\"\n[vm.realtime]\nbandwidth = 0.3\n";
}

TEST(PlainC, ComputesAndEndsInOrder) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(config_of("plain_c", "plain"), {"--mode", "unaware", "--duration", "500ms"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("plain")["exit_reason"], "stopped");
  EXPECT_GT(o.thread("plain", "spin")["work_units"], 1000);
  EXPECT_THAT(o.out, HasSubstr("plain| plain_c: running\n"));
  EXPECT_THAT(o.out, HasSubstr("plain| plain_c: ending\n"));
}

TEST(PlainC, MeetsItsDeadlinesBesideItsOwnFairWork) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  const Outcome o = run(config_of("plain_c", "plain"), {"--duration", "2s"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("plain")["exit_reason"], "stopped");
  const auto& loop = o.thread("plain", "loop");
  EXPECT_EQ(loop["class"], "deadline");
  // 400 releases, but for the first few: it calibrates before it claims.
  EXPECT_GE(loop["jobs"], 350);
  EXPECT_LE(loop["jobs"], 400);
  // Not none: a shared machine may take its processor away at any time, and often. How punctual it is,
  // benchmarks say, beside native threads.
  EXPECT_LE(loop["deadline_misses"], 40);
  EXPECT_GT(loop["wakeup_us"]["p50"], 0);
  EXPECT_GT(o.thread("plain", "spin")["work_units"], 1000);
}

TEST(TrapOnly, EndsInOrder) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(config_of("trap_only", "trap"), {"--mode", "unaware", "--duration", "500ms"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("trap")["exit_reason"], "stopped");
  EXPECT_EQ(o.guest("trap")["exit_code"], 0);
}

TEST(TrapOnly, ClaimsAndWaitsWithoutWritingTheArea) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  // Beside work that never gives the processor back by itself: punctual by its claim, not by chance.
  const Outcome o =
      run(config_of("trap_only", "trap") + "[[vm]]\nname = \"busy\"\nimage = \"GUESTS/batch\"\n",
          {"--duration", "2s"});
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("trap")["exit_reason"], "stopped");
  EXPECT_GT(o.guest("busy")["work_units"], 100);
  EXPECT_EQ(o.guest("trap")["exit_code"], 0) << "see enum verdict in trap_only.c";
  EXPECT_EQ(o.guest("trap")["publishes"], 0);
}

}  // namespace
}  // namespace candor::e2e
