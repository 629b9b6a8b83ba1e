// `candor run` as its users meet it: configuration, endings, summary.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;

constexpr const char* kHello = R"(
[host]
cpus = "CPU0"
[[vm]]
name = "hello"
image = "GUESTS/hello"
cmdline = "one two"
)";

TEST(Run, AGuestThatEndsByItselfEndsTheRun) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(kHello, {"--mode", "unaware"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("hello| argument: two\n"));
  EXPECT_EQ(o.guest("hello")["exit_reason"], "shutdown");
  EXPECT_EQ(o.summary["mode"], "unaware");
  EXPECT_EQ(o.summary["host"]["ranks"], false);
}

TEST(Run, VerboseSaysWhatHappensToEachVm) {
  EXPECT_EQ(run(kHello, {"--mode", "unaware"}).err, "");
  const Outcome o = run(kHello, {"--mode", "unaware", "--verbose"});
  EXPECT_THAT(o.err, HasSubstr("vm \"hello\": process "));
  EXPECT_THAT(o.err, HasSubstr("vm \"hello\": shutdown, "));
}

TEST(Run, WhatAGuestPrintsIsShownThoughItNeverRingsForIt) {
  CANDOR_NEEDS_PROCESS();
  // It has nothing but the line of its boot, which rings nobody, and is never idle.
  Command command("[host]\ncpus = \"CPU0\"\n[[vm]]\nname = \"busy\"\nimage = \"GUESTS/spins_masked\"\n",
                  {"--mode", "unaware"});
  EXPECT_TRUE(command.wait_for_output("busy| candor: on Candor, ABI "));
  command.signal(SIGINT);
  EXPECT_EQ(command.wait().guest("busy")["exit_reason"], "hung");
}

TEST(Run, TheRunListIsPrintedOnDemandWithAReasonForEachPlace) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  Command command(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "control"
image = "GUESTS/load"
cmdline = "thread=loop:deadline:10ms:1ms thread=own:fair"
[vm.realtime]
bandwidth = 0.3
[[vm]]
name = "film"
image = "GUESTS/load"
cmdline = "thread=frame:deadline:40ms:2ms"
[vm.realtime]
bandwidth = 0.2
)",
                  {"--runlist"});
  ASSERT_TRUE(command.wait_for_output("load: loop"));
  ASSERT_TRUE(command.wait_for_output("load: frame"));
  command.signal(SIGUSR1);
  EXPECT_TRUE(command.wait_for_output("composite run list"));
  for (const char* text :
       {"first claim here: deadline in", "before it: earlier deadline", "fair, weight 100"})
    EXPECT_TRUE(command.wait_for_output(text)) << text;
  command.signal(SIGINT);
  const Outcome o = command.wait();
  EXPECT_EQ(o.status, 0) << o.err;
  for (const char* thread : {" loop ", " own ", " frame "}) EXPECT_THAT(o.out, HasSubstr(thread));
}

TEST(Run, ATraceSaysWhichOfTwoClaimsComesFirstAndWhy) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / ("candor-trace-" + std::to_string(getpid()) + ".json");
  Command command(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "control"
image = "GUESTS/load"
cmdline = "thread=loop:deadline:10ms:1ms"
[vm.realtime]
bandwidth = 0.3
[[vm]]
name = "film"
image = "GUESTS/load"
cmdline = "thread=frame:deadline:40ms:2ms thread=much:deadline:10ms:9ms"
[vm.realtime]
bandwidth = 0.2
)",
                  {"--trace", path.string()});
  ASSERT_TRUE(command.wait_for_output("load: loop"));
  ASSERT_TRUE(command.wait_for_output("load: frame"));
  ASSERT_TRUE(command.wait_for_output("load: much"));
  command.signal(SIGINT);
  const Outcome o = command.wait();
  EXPECT_EQ(o.status, 0) << o.err;
  std::ifstream file(path);
  const auto trace = nlohmann::json::parse(file);
  std::filesystem::remove(path);

  std::map<std::string, nlohmann::json> processes;
  bool ordered = false, refused = false;
  for (const auto& event : trace["traceEvents"]) {
    const auto& args = event["args"];
    if (event["name"] == "process_name") processes[args["name"]] = event["pid"];
    if (event["name"] == "much: refused")
      refused = args["reason"] == "the VM's reserves would exceed its bandwidth";
    // Whichever of the two was admitted last.
    const std::string other = event["name"] == "loop" ? "film: frame" : "control: loop";
    const bool behind = args.value("behind", "") == other, ahead = args.value("ahead_of", "") == other;
    if (event["ph"] != "X" || (!behind && !ahead)) continue;
    ordered = true;
    EXPECT_EQ(event["pid"], processes[event["name"] == "loop" ? "control" : "film"]);
    EXPECT_GT(args["level"], 0);
    EXPECT_GT(event["dur"], 0);
    if (behind) {
      EXPECT_THAT(args["reason"].get<std::string>(), HasSubstr("before it: earlier deadline"));
    }
    if (ahead) {
      EXPECT_EQ(args["ahead_by"], "earlier deadline");
    }
  }
  EXPECT_TRUE(ordered) << trace.dump(1);
  EXPECT_TRUE(refused) << trace.dump(1);
}

TEST(Run, ATraceThatCannotBeIsRefusedBeforeAnythingStarts) {
  for (const char* path : {"/nowhere/trace.json", "/", "/dev/null"}) {
    const Outcome o = run(kHello, {"--trace", path});
    EXPECT_EQ(o.status, 2);
    EXPECT_THAT(o.err, HasSubstr(std::string("--trace: \"") + path + "\" cannot be written: "));
    EXPECT_EQ(o.out, "");
  }
}

/// The traced events of a run, its file read and removed.
nlohmann::json traced_by(const std::string& config, std::vector<std::string> arguments, Outcome& outcome) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("guest-trace-{}.json", getpid());
  arguments.insert(arguments.end(), {"--trace", path.string()});
  outcome = run(config, arguments);
  std::ifstream file(path);
  auto trace = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  std::filesystem::remove(path);
  return trace["traceEvents"];
}

// In modes without claims, too.
TEST(Run, ATraceTellsWhichThreadsOfAGuestRanAndWhoWokeThem) {
  CANDOR_NEEDS_PROCESS();
  Outcome o;
  const auto events = traced_by(R"([host]
cpus = "CPU0"
[[vm]]
name = "control"
image = "GUESTS/load"
cmdline = "thread=loop:deadline:10ms:1ms thread=rest:fair"
[[vm]]
name = "silent"
image = "GUESTS/load"
cmdline = "candor.trace=off thread=loop:fair"
)",
                                {"--mode", "unaware", "--duration", "500ms"}, o);
  EXPECT_EQ(o.status, 0) << o.err;
  std::map<std::string, int> dispatched;
  std::map<int, std::string> processes;
  int woken = 0;
  for (const auto& event : events) {
    if (event["name"] == "process_name") processes[event["pid"]] = event["args"]["name"];
    if (event.value("cat", "") == "dispatch") {
      EXPECT_EQ(processes[event["pid"]], "control");
      dispatched[event["name"]]++;
      EXPECT_GE(event["dur"], 0);
      EXPECT_GE(event["ts"], 0);
    }
    if (event["name"] == "loop: woken") woken++;
  }
  EXPECT_GE(dispatched["loop"], 20) << events.dump(1);
  EXPECT_GE(dispatched["rest"], 1);
  EXPECT_GE(dispatched["main"], 1);
  EXPECT_GE(woken, 20);
}

TEST(Run, ATraceHasWhatAGuestDidBeforeItDied) {
  CANDOR_NEEDS_PROCESS();
  for (const char* guest : {"panics_with_its_threads", "faults"}) {
    Outcome o;
    const auto events =
        traced_by(fmt::format("[[vm]]\nname = \"guest\"\nimage = \"GUESTS/{}\"\n", guest), {}, o);
    EXPECT_EQ(o.status, 1) << o.err;
    int main_ran = 0;
    for (const auto& event : events)
      if (event.value("cat", "") == "dispatch" && event["name"] == "main") main_ran++;
    EXPECT_GE(main_ran, 1) << guest << events.dump(1);
  }
}

TEST(Run, WhatAGuestCallsItsTraceAndIsNoneIsToldAndPassedOver) {
  CANDOR_NEEDS_PROCESS();
  Outcome o;
  const auto events = traced_by(R"([[vm]]
name = "liar"
image = "GUESTS/scribbles_over_the_area"
[[vm]]
name = "honest"
image = "GUESTS/load"
cmdline = "thread=loop:fair"
)",
                                {"--mode", "unaware", "--duration", "500ms"}, o);
  EXPECT_THAT(o.err, HasSubstr("vm \"liar\": what its vCPU 0 announces as its trace is none"));
  bool looped = false;
  for (const auto& event : events) looped |= event["name"] == "loop" && event.value("cat", "") == "dispatch";
  EXPECT_TRUE(looped) << events.dump(1);
}

TEST(Run, BadConfigurationIsRefusedBeforeAnythingStarts) {
  const Outcome o =
      run("[[vm]]\nname = \"a\"\nimage = \"nowhere\"\n\n[[vm]]\nname = \"b\"\nimage = \"/bin/true\"\n", {});
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("vms.toml:3:9: vm \"a\": key \"image\": value \"nowhere\" does not exist"));
  EXPECT_THAT(o.err, HasSubstr("vms.toml:7:9: vm \"b\": key \"image\""));
  EXPECT_EQ(o.out, "");
}

TEST(Run, ReservesThatDoNotFitAreRefusedWithTheirSum) {
  std::string config = "[host]\ncpus = \"CPU0\"\n";
  for (const char* name : {"a", "b"})
    config += std::string("[[vm]]\nname = \"") + name +
              "\"\nimage = \"GUESTS/hello\"\n[vm.realtime]\nbandwidth = 0.5\n";
  const Outcome o = run(config, {});
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("0.5 + 0.5 = 1, above the limit of 0.85"));
}

TEST(Run, UsageErrorsHaveTheirOwnStatus) {
  EXPECT_EQ(run(kHello, {"--mode", "nonsense"}).status, 2);
  EXPECT_EQ(run(kHello, {"--duration", "10"}).status, 2);
}

TEST(Run, ASummaryThatCannotBeWrittenIsRefusedBeforeAnythingStarts) {
  const Outcome o = run(kHello, {"--mode", "unaware", "--summary-json", "/nowhere/summary.json"});
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("\"/nowhere/summary.json\" cannot be written"));
  EXPECT_EQ(o.out, "");
}

}  // namespace
}  // namespace candor::e2e
