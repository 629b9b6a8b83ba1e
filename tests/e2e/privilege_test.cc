// What the command does with less than root's rights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;

constexpr const char* kMixed = R"(
[host]
cpus = "CPU0"
[[vm]]
name = "control"
image = "COPIES/load"
cmdline = "thread=loop:deadline:20ms:1ms thread=log:fair"
[vm.realtime]
bandwidth = 0.2
)";

// setpriv(1) takes rights away; without it there is nothing to test.
const std::vector<std::string> kNobody = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};

class Unprivileged : public testing::Test {
 protected:
  // Images are copies, since the folder of the built ones may be its owner's alone.
  void SetUp() override {
    CANDOR_NEEDS_PROCESS();
    if (geteuid() != 0) GTEST_SKIP() << "needs root: to give rights up";
    if (!namespaces_for_anybody()) GTEST_SKIP() << "needs namespaces: only root may make them here";
    if (run(kMixed, {"--help"}, kNobody).status != 0)
      GTEST_SKIP() << "needs readable: others may not execute what was built here";
  }
};

TEST_F(Unprivileged, WorksOnWithoutRanksAndSaysSoLoudly) {
  const Outcome o = run(kMixed, {"--duration", "300ms"}, kNobody);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.err, HasSubstr("WARNING: NO REAL-TIME RANKS"));
  EXPECT_THAT(o.err, HasSubstr("CAP_SYS_NICE"));
  EXPECT_THAT(o.out, HasSubstr("NO REAL-TIME RANKS"));
  EXPECT_EQ(o.summary["host"]["ranks"], false);
  EXPECT_EQ(o.summary["host"]["rank_changes"], 0);
  EXPECT_EQ(o.guest("control")["exit_reason"], "stopped");
  EXPECT_GT(o.thread("control", "loop")["jobs"], 0);
}

TEST_F(Unprivileged, StaticModesAreRefused) {
  for (const char* mode : {"static-rt", "static-dl"}) {
    const Outcome o = run(kMixed, {"--mode", mode, "--duration", "300ms"}, kNobody);
    EXPECT_EQ(o.status, 3) << mode;
    EXPECT_THAT(o.err, HasSubstr("needs real-time priorities"));
    EXPECT_EQ(o.out, "") << "no guest may start";
  }
}

}  // namespace
}  // namespace candor::e2e
