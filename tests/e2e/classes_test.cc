// Threads of all classes in every mode: what the summary says of them, whoever was served how well.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

constexpr double kSeconds = 1;

/// Threads that have jobs, by guest, with their periods.
struct PeriodicThread {
  const char* guest;
  const char* name;
  const char* cls;
  double period_s;
};
constexpr PeriodicThread kPeriodic[] = {
    {"control", "control", "deadline", 0.001}, {"filter", "filter", "deadline", 0.016667},
    {"load", "early", "deadline", 0.01},       {"load", "whole", "deadline", 0.02},
    {"load", "fixed", "fixed", 0.025},
};

// In mode static-rt an entitled VM whose fair threads never rest keeps its processor for good. So
// there `load` has no entitlement, and control and filter, which do rest, leave it time.
std::string config_of(std::string_view mode) {
  return fmt::format(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "control"
image = "GUESTS/control"
[vm.realtime]
bandwidth = 0.2
max_priority = 60
[[vm]]
name = "filter"
image = "GUESTS/filter"
[vm.realtime]
bandwidth = 0.3
max_priority = 50
[[vm]]
name = "load"
image = "GUESTS/load"
cmdline = """thread=early:deadline:10ms:500us:8ms thread=whole:deadline:20ms:500us \
thread=fixed:fixed:20:25ms:500us thread=fair:fair thread=background:background"""
{}
)",
                     mode == "static-rt" ? "" : "[vm.realtime]\nbandwidth = 0.3\nvcpus = 3\n");
}

void expect_keys(const nlohmann::json& object, const std::vector<const char*>& keys) {
  for (const char* key : keys) EXPECT_TRUE(object.contains(key)) << key << " is not in " << object;
}

class Classes : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    CANDOR_NEEDS_PROCESS();
    if (std::string_view(GetParam()) != "unaware") CANDOR_NEEDS_RANKS();
  }
};

TEST_P(Classes, RunAndAreAccountedFor) {
  const Outcome o = run(config_of(GetParam()), {"--mode", GetParam(), "--duration", "1s"});
  SCOPED_TRACE(o.out + o.err);
  ASSERT_EQ(o.status, 0);
  expect_keys(o.summary, {"mode", "duration_s", "host", "guests"});
  expect_keys(o.summary["host"], {"cpus", "rank_changes", "scheduler_cpu_s", "ranks"});
  EXPECT_EQ(o.summary["mode"], GetParam());
  EXPECT_EQ(o.summary["host"]["ranks"], std::string_view(GetParam()) != "unaware");
  ASSERT_EQ(o.summary["guests"].size(), 3u);
  for (const auto& guest : o.summary["guests"]) {
    expect_keys(guest, {"name", "exit_reason", "cpu_s", "steal_s", "host_calls", "work_units", "threads"});
    // Each of these guests checks its own results.
    EXPECT_EQ(guest["exit_reason"], "stopped") << guest["name"];
    EXPECT_EQ(guest["exit_code"], 0) << guest["name"];
    for (const auto& thread : guest["threads"]) {
      expect_keys(thread, {"name", "class", "jobs", "skipped", "deadline_misses", "wakeup_us", "work_units"});
      expect_keys(thread["wakeup_us"], {"p50", "p99", "max"});
      EXPECT_GE(thread["deadline_misses"], thread["skipped"]) << thread["name"];
    }
  }
  for (const PeriodicThread& expected : kPeriodic) {
    const auto& thread = o.thread(expected.guest, expected.name);
    ASSERT_FALSE(thread.is_null()) << expected.name;
    EXPECT_EQ(thread["class"], expected.cls) << expected.name;
    EXPECT_NEAR(thread["jobs"].get<double>() + thread["skipped"].get<double>(), kSeconds / expected.period_s,
                1)
        << expected.name;
    EXPECT_GT(thread["jobs"], 0) << expected.name;
  }
  for (const char* name : {"fair", "background"}) EXPECT_EQ(o.thread("load", name)["class"], name);
  EXPECT_GT(o.thread("load", "fair")["work_units"], 0);
}

INSTANTIATE_TEST_SUITE_P(Modes, Classes, testing::Values("unaware", "static-rt", "aware"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// What admission counts besides budgets, for jobs that come often or are short, and rounding: a guest that
// uses up all that its VM is entitled to knows of it (docs/abi.md, section 6).
TEST(Reserves, OfAVmThatUsesUpItsBandwidthAreAdmitted) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  for (const double bandwidth : {0.2371, 0.2499, 0.3001}) {
    const Outcome o = run(fmt::format(R"(
[host]
cpus = "CPU0"
job_overhead = "30us"
[[vm]]
name = "load"
image = "GUESTS/load"
cmdline = """thread=a:deadline:1.5ms:73us thread=b:deadline:2.7ms:10us thread=c:deadline:37.8ms:2.204ms \
thread=d:deadline:20.1ms:0.581ms"""
[vm.realtime]
bandwidth = {}
vcpus = 4
)",
                                      bandwidth),
                          {"--mode", "aware", "--duration", "100ms"});
    ASSERT_EQ(o.status, 0) << o.err;
    EXPECT_THAT(o.out, testing::Not(testing::HasSubstr("refused"))) << bandwidth;
    EXPECT_THAT(o.out, testing::HasSubstr("admitted"));
  }
}

}  // namespace
}  // namespace candor::e2e
