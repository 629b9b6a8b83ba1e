// Whatever ends, in whatever way: nothing of Candor stays behind, and the rest goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <string>

#include "tests/e2e/command.h"

namespace candor::e2e {
namespace {

/// Two guests on one processor: one with a real-time thread that is busy most of
/// its reserve, one that computes.
constexpr const char* kTwo = R"(
[host]
cpus = "0"
[[vm]]
name = "control"
image = "GUESTS/load"
cmdline = "thread=loop:deadline:10ms:1ms thread=spin:fair"
[vm.realtime]
bandwidth = 0.4
[[vm]]
name = "batch"
image = "GUESTS/load"
cmdline = "thread=batch:fair"
)";

/// Real-time class of any thread of any of these processes.
bool any_rank(const std::vector<pid_t>& processes) {
  for (const pid_t process : processes)
    for (const pid_t thread : threads_of(process)) {
      const int policy = sched_getscheduler(thread) & ~SCHED_RESET_ON_FORK;
      if (policy == SCHED_FIFO || policy == SCHED_RR) return true;
    }
  return false;
}

class Ending : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "aware" && !ranks_permitted())
      GTEST_SKIP() << "needs ranks: SCHED_FIFO is not permitted";
  }
  Command command_{kTwo, {"--mode", GetParam()}};

  void wait_until_both_run() {
    ASSERT_TRUE(command_.wait_for_output("load: loop"));
    ASSERT_TRUE(command_.wait_for_output("batch| candor: on Candor"));
  }
};

TEST_P(Ending, CtrlCEndsInOrderWithASummary) {
  wait_until_both_run();
  const auto processes = command_.descendants();
  command_.signal(SIGINT);
  const Outcome o = command_.wait();
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("control")["exit_reason"], "stopped");
  EXPECT_EQ(o.guest("batch")["exit_reason"], "stopped");
  EXPECT_TRUE(all_gone(processes));
}

TEST_P(Ending, KillingTheLauncherLeavesNothing) {
  wait_until_both_run();
  const auto processes = command_.descendants();
  EXPECT_GE(processes.size(), 4u);
  command_.signal(SIGKILL);
  command_.wait();
  EXPECT_TRUE(all_gone(processes));
}

TEST_P(Ending, KillingAVmProcessEndsThatVmAlone) {
  wait_until_both_run();
  ::kill(command_.descendant("candor:control"), SIGKILL);
  ASSERT_TRUE(command_.wait_for_output("vm \"control\" ended: killed"));
  const auto processes = command_.descendants();
  command_.signal(SIGINT);
  const Outcome o = command_.wait();
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(o.guest("control")["exit_reason"], "killed");
  EXPECT_EQ(o.guest("batch")["exit_reason"], "stopped");
  EXPECT_TRUE(all_gone(processes));
}

TEST_P(Ending, KillingATenderEndsThatVmAlone) {
  wait_until_both_run();
  ::kill(command_.descendant("tender:control"), SIGKILL);
  ASSERT_TRUE(command_.wait_for_output("vm \"control\" ended: killed"));
  command_.signal(SIGINT);
  const Outcome o = command_.wait();
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(o.guest("control")["exit_reason"], "killed");
  EXPECT_EQ(o.guest("batch")["exit_reason"], "stopped");
}

INSTANTIATE_TEST_SUITE_P(Modes, Ending, testing::Values("unaware", "aware"),
                         [](const auto& test) { return std::string(test.param); });

// A freezer, a debugger, `docker pause`: the kernel makes interrupted waits go on by a system call of its
// own.
TEST(Pause, StoppingAndContinuingATenderHarmsNothing) {
  Command command(R"(
[host]
cpus = "0"
[[vm]]
name = "idle"
image = "GUESTS/ends_while_idle"
[[vm]]
name = "periodic"
image = "GUESTS/load"
cmdline = "thread=loop:deadline:10ms:1ms"
)",
                  {"--mode", "unaware"});
  ASSERT_TRUE(command.wait_for_output("idle| candor: on Candor"));
  ASSERT_TRUE(command.wait_for_output("load: loop"));
  for (const char* name : {"tender:idle", "tender:periodic"}) {
    const pid_t tender = command.descendant(name);
    ASSERT_NE(tender, 0) << name;
    for (int round = 0; round < 10; round++) {
      ::kill(tender, SIGSTOP);
      usleep(20'000);
      ::kill(tender, SIGCONT);
      usleep(20'000);
    }
    EXPECT_TRUE(lives(tender)) << name;
  }
  command.signal(SIGINT);
  const Outcome o = command.wait();
  EXPECT_EQ(o.status, 0) << o.out << o.err;
  EXPECT_EQ(o.guest("idle")["exit_reason"], "stopped");
  EXPECT_EQ(o.guest("periodic")["exit_reason"], "stopped");
}

/// A guest that claims a reserve and never gives the processor back by itself.
constexpr const char* kSpinner = R"(
[host]
cpus = "0"
[[vm]]
name = "spinner"
image = "GUESTS/lies_about_its_budget"
[vm.realtime]
bandwidth = 0.5
[[vm]]
name = "batch"
image = "GUESTS/load"
cmdline = "thread=batch:fair"
)";

TEST(Scheduler, ItsDeathBesideARealtimeSpinnerLeavesNoRank) {
  if (!ranks_permitted()) GTEST_SKIP() << "needs ranks: SCHED_FIFO is not permitted";
  Command command(kSpinner, {});
  ASSERT_TRUE(command.wait_for_output("batch| candor: on Candor"));
  ASSERT_TRUE(command.wait_for_output("liar: admitted"));
  const pid_t scheduler = command.descendant("candord");
  ASSERT_NE(scheduler, 0);
  ::kill(scheduler, SIGKILL);
  ASSERT_TRUE(command.wait_for_output("the scheduler died"));
  ASSERT_TRUE(all_gone({scheduler}));
  const auto processes = command.descendants();
  usleep(200'000);
  EXPECT_FALSE(any_rank(processes));
  command.signal(SIGINT);
  const Outcome o = command.wait();
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(o.summary["host"]["ranks"], false);
  EXPECT_EQ(o.guest("spinner")["exit_reason"], "stopped");
  EXPECT_EQ(o.guest("batch")["exit_reason"], "stopped");
  EXPECT_GT(o.guest("batch")["work_units"], 0);
  EXPECT_TRUE(all_gone(processes));
}

}  // namespace
}  // namespace candor::e2e
