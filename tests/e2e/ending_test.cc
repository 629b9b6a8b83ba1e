// Whatever ends, in whatever way: nothing of Candor stays behind, and the rest goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

/// Two guests on one processor: one with a real-time thread that is busy most of
/// its reserve, one that computes.
constexpr const char* kTwo = R"(
[host]
cpus = "CPU0"
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

bool soon(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    usleep(2'000);
  }
  return true;
}

/// Those of a VM: its VM process and its tender.
std::vector<pid_t> processes_of(const Command& command, const std::string& vm) {
  std::vector<pid_t> found;
  for (const pid_t pid : command.descendants())
    if (const std::string name = name_of(pid); name == "candor:" + vm || name == "tender:" + vm)
      found.push_back(pid);
  return found;
}

class Ending : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    CANDOR_NEEDS_PROCESS();
    if (std::string_view(GetParam()) == "aware") CANDOR_NEEDS_RANKS();
    command_.emplace(kTwo, std::vector<std::string>{"--mode", GetParam()});
  }
  std::optional<Command> command_;

  void wait_until_both_run() {
    ASSERT_TRUE(command_->wait_for_output("load: loop"));
    ASSERT_TRUE(command_->wait_for_output("batch| candor: on Candor"));
  }
};

TEST_P(Ending, CtrlCEndsInOrderWithASummary) {
  wait_until_both_run();
  const auto processes = command_->descendants();
  command_->signal(SIGINT);
  const Outcome o = command_->wait();
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("control")["exit_reason"], "stopped");
  EXPECT_EQ(o.guest("batch")["exit_reason"], "stopped");
  EXPECT_TRUE(all_gone(processes));
}

TEST_P(Ending, KillingTheLauncherLeavesNothing) {
  wait_until_both_run();
  const auto processes = command_->descendants();
  EXPECT_GE(processes.size(), 4u);
  command_->signal(SIGKILL);
  command_->wait();
  EXPECT_TRUE(all_gone(processes));
}

TEST_P(Ending, KillingAVmProcessEndsThatVmAlone) {
  wait_until_both_run();
  const auto own = processes_of(*command_, "control");
  ASSERT_EQ(own.size(), 2u);
  ::kill(command_->descendant("candor:control"), SIGKILL);
  ASSERT_TRUE(command_->wait_for_output("vm \"control\" ended: killed"));
  EXPECT_TRUE(all_gone(own));
  const auto processes = command_->descendants();
  command_->signal(SIGINT);
  const Outcome o = command_->wait();
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(o.guest("control")["exit_reason"], "killed");
  EXPECT_EQ(o.guest("batch")["exit_reason"], "stopped");
  EXPECT_TRUE(all_gone(processes));
}

TEST_P(Ending, KillingATenderEndsThatVmAlone) {
  wait_until_both_run();
  const auto own = processes_of(*command_, "control");
  ASSERT_EQ(own.size(), 2u);
  ::kill(command_->descendant("tender:control"), SIGKILL);
  ASSERT_TRUE(command_->wait_for_output("vm \"control\" ended: killed"));
  EXPECT_TRUE(all_gone(own));
  const auto processes = command_->descendants();
  command_->signal(SIGINT);
  const Outcome o = command_->wait();
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(o.guest("control")["exit_reason"], "killed");
  EXPECT_EQ(o.guest("batch")["exit_reason"], "stopped");
  EXPECT_TRUE(all_gone(processes));
}

INSTANTIATE_TEST_SUITE_P(Modes, Ending, testing::Values("unaware", "aware"),
                         [](const auto& test) { return std::string(test.param); });

// A freezer, a debugger, `docker pause`: the kernel makes interrupted waits go on by a system call of its
// own.
TEST(Pause, StoppingAndContinuingATenderHarmsNothing) {
  CANDOR_NEEDS_PROCESS();
  Command command(R"(
[host]
cpus = "CPU0"
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

/// A guest that claims a reserve and never gives the processor back by itself, and one whose claim waits most
/// of the time, and so keeps its rank.
constexpr const char* kSpinner = R"(
[host]
cpus = "CPU0"
[[vm]]
name = "spinner"
image = "GUESTS/lies_about_its_budget"
[vm.realtime]
bandwidth = 0.5
[[vm]]
name = "waiter"
image = "GUESTS/load"
cmdline = "thread=loop:deadline:10ms:1ms"
[vm.realtime]
bandwidth = 0.2
[[vm]]
name = "batch"
image = "GUESTS/load"
cmdline = "thread=batch:fair"
)";

TEST(Scheduler, ItsDeathBesideARealtimeSpinnerLeavesNoRank) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  Command command(kSpinner, {});
  ASSERT_TRUE(command.wait_for_output("batch| candor: on Candor"));
  ASSERT_TRUE(command.wait_for_output("liar: admitted"));
  const pid_t scheduler = command.descendant("candord");
  ASSERT_NE(scheduler, 0);
  const auto waiter = processes_of(command, "waiter");
  ASSERT_EQ(waiter.size(), 2u);
  ASSERT_TRUE(soon([&] { return any_rank(waiter); })) << "there was no rank to leave";
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

/// All that descends from this test and is no zombie. Orphans come to it (PR_SET_CHILD_SUBREAPER).
std::vector<pid_t> own_descendants() {
  std::vector<std::pair<pid_t, pid_t>> parents;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "stat");
    std::string text;
    if (pid <= 0 || !std::getline(file, text)) continue;
    // "pid (name) state parent ..."
    const std::size_t name_end = text.rfind(')');
    if (name_end != std::string::npos) parents.emplace_back(pid, std::atoi(text.c_str() + name_end + 4));
  }
  std::vector<pid_t> tree = {getpid()}, living;
  for (std::size_t i = 0; i < tree.size(); i++)
    for (const auto& [pid, parent] : parents)
      if (parent == tree[i]) {
        tree.push_back(pid);
        if (lives(pid)) living.push_back(pid);
      }
  return living;
}

TEST(Kill, AtAnyTimeOfTheStartLeavesNoProcessAndNoRank) {
  CANDOR_NEEDS_PROCESS();
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const char* const mode = ranks_permitted() ? "aware" : "unaware";
  constexpr const char* kKinds[] = {"launcher", "candord", "candor:control", "tender:control"};
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 12; round++) {
    const std::string kind = kKinds[round % 4];
    const unsigned us = random() % 30'000;
    SCOPED_TRACE("round " + std::to_string(round) + ": " + kind + " after " + std::to_string(us) + " us");
    Command command(kTwo, {"--mode", mode, "--duration", "1s"});
    usleep(us);
    pid_t victim = kind == "launcher" ? command.pid() : 0;
    // It may not be there yet; then as soon as it is. In mode unaware there is no candord.
    for (int look = 0; victim == 0 && look < 500; look++) {
      victim = command.descendant(kind);
      if (victim == 0) usleep(1'000);
    }
    if (victim == 0) victim = command.pid();
    ::kill(victim, SIGKILL);
    if (kind == "candord" && victim != command.pid()) {
      EXPECT_TRUE(soon([] { return !any_rank(own_descendants()); }));
    }
    const Outcome o = command.wait();
    EXPECT_NE(o.status, 0) << o.out << o.err;
    if (victim != command.pid() && kind != "launcher") {
      EXPECT_LT(o.status, 256) << o.out << o.err;
    }
    EXPECT_TRUE(soon([] { return own_descendants().empty(); }));
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

}  // namespace
}  // namespace candor::e2e
