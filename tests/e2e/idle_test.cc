// Candid idle: what nobody wants may be polled on for a while; what somebody wants is given up at once.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

constexpr std::uint64_t kRounds = 500;  // of bench/guests/wakes_soon

Outcome wakes_soon(const char* idle, const std::string& others) {
  return run(fmt::format(R"(
[host]
cpus = "CPU0,CPU1"
[[vm]]
name = "guest"
image = "GUESTS/wakes_soon"
vcpus = 2
cmdline = "candor.idle={}"
{}
)",
                         idle, others),
             {});
}

TEST(Idle, AProcessorThatNobodyWantsIsPolledOn) {
  CANDOR_NEEDS_PROCESS();
  if (processors().size() < 2) GTEST_SKIP() << "needs processors: two, there is one";
  const Outcome sleeping = wakes_soon("halt", "");
  ASSERT_EQ(sleeping.status, 0) << sleeping.out << sleeping.err;
  EXPECT_EQ(sleeping.guest("guest")["polls"], 0);
  EXPECT_GT(sleeping.guest("guest")["waits"], kRounds / 2);
  // Where others than Candor keep the machine busy both vCPUs may share a processor; then polling is in vain,
  // and stops.
  constexpr int kAttempts = 20;
  for (int attempt = 1;; attempt++) {
    const Outcome polling = wakes_soon("candid", "");
    ASSERT_EQ(polling.status, 0) << polling.out << polling.err;
    const auto& guest = polling.guest("guest");
    if (guest["poll_hits"] < kRounds / 4 && attempt < kAttempts) continue;
    EXPECT_GT(guest["poll_hits"], kRounds / 4);
    // How much sooner is a measurement (./dev bench idle); here only what it saved.
    EXPECT_LT(guest["host_calls"], sleeping.guest("guest")["host_calls"]);
    break;
  }
}

TEST(Idle, PollingEndsAfterABound) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "guest"
image = "GUESTS/idle"
cmdline = ""
)",
                        {"--duration", "1s"});
  ASSERT_EQ(o.status, 0) << o.out << o.err;
  const auto& guest = o.guest("guest");
  EXPECT_GT(guest["polls"], 0);
  EXPECT_GT(guest["waits"], 5) << "each of its ten sleeps a second";
  EXPECT_LT(guest["cpu_s"], 0.1);
}

TEST(Idle, AProcessorThatIsWantedIsGivenUpAndComesBack) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "idle"
image = "GUESTS/idle"
[[vm]]
name = "busy"
image = "GUESTS/load"
cmdline = "thread=batch:fair"
)",
                        {"--duration", "1s"});
  // The idle guest counts its ticks itself: it gets the processor back ten times.
  ASSERT_EQ(o.status, 0) << o.out << o.err;
  const auto& idle = o.guest("idle");
  EXPECT_GT(idle["waits"], 5);
  EXPECT_LT(idle["polls"], idle["waits"]) << "at most before it was told that the other is there";
  EXPECT_LT(idle["cpu_s"], 0.1);
  EXPECT_GT(o.guest("busy")["work_units"], 0);
}

}  // namespace
}  // namespace candor::e2e
