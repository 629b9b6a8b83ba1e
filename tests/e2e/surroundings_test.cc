// What candor is started from, and who reads its output, is nobody's business but the launcher's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

constexpr const char* kFloodAndNeighbour = R"(
[host]
cpus = "CPU0"
[[vm]]
name = "flood"
image = "GUESTS/floods_its_console"
[[vm]]
name = "neighbour"
image = "GUESTS/idle"
)";

char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= text.size() ? '?' : text[name_end + 2];
}

TEST(Console, AFloodIsBoundedAndHarmsNobodyElse) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(kFloodAndNeighbour, {"--duration", "1s"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("flood")["exit_reason"], "stopped");
  EXPECT_EQ(o.guest("neighbour")["exit_reason"], "stopped");
  // A burst of 256 KiB, 1 MiB a second, and what there was at the end.
  EXPECT_GT(o.out.size(), 100u << 10);
  EXPECT_LT(o.out.size(), 3u << 20);
}

// Like Ctrl-S on a terminal, or a pager.
TEST(Console, AReaderThatPausesHarmsNobody) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(kFloodAndNeighbour, {"--duration", "1s"},
                        {"bash", "-c", "set -o pipefail; \"$@\" | { sleep 3; cat > /dev/null; }", "bash"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("flood")["exit_reason"], "stopped");
  EXPECT_EQ(o.guest("neighbour")["exit_reason"], "stopped");
}

TEST(Surroundings, ARealtimeClassIsNotInheritedByGuests) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  const Command command(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "idle"
image = "GUESTS/idle"
)",
                        {"--mode", "unaware"}, {"chrt", "--fifo", "5"});
  ASSERT_TRUE(command.wait_for_output("idle| candor: on Candor"));
  for (const pid_t process : command.descendants())
    for (const pid_t thread : threads_of(process))
      EXPECT_EQ(sched_getscheduler(thread) & ~SCHED_RESET_ON_FORK, SCHED_OTHER) << "a thread of " << process;
}

// Ctrl-Z on a terminal reaches the whole job. Guests go on, and so must those who watch over them.
TEST(Surroundings, StoppingTheJobStopsTheLauncherOnly) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  Command command(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "control"
image = "GUESTS/load"
cmdline = "thread=loop:deadline:10ms:1ms"
[vm.realtime]
bandwidth = 0.3
)",
                  {});
  ASSERT_TRUE(command.wait_for_output("load: loop"));
  const auto processes = command.descendants();
  for (const pid_t pid : processes) ::kill(pid, SIGTSTP);
  usleep(50'000);
  EXPECT_GE(processes.size(), 3u);
  for (const pid_t pid : processes) EXPECT_NE(state_of(pid), 'T') << pid;
  command.signal(SIGINT);
  const Outcome o = command.wait();
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.guest("control")["exit_reason"], "stopped");
}

}  // namespace
}  // namespace candor::e2e
