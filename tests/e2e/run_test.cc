// `candor run` as its users meet it: configuration, endings, summary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

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
