#include "cli/scenario.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace candor::cli {
namespace {

using sim::Scenario;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

Result<Scenario, ConfigErrors> scenario_of(const std::string& text) {
  return parse_scenario(text, "dir/file.toml");
}

constexpr const char* kHead = "name = \"test\"\n";
constexpr const char* kVm = "[[vm]]\nname = \"a\"\n[[vm.thread]]\nname = \"t\"\n";

std::string only_error(const std::string& text) {
  const auto result = scenario_of(text);
  if (result.ok()) return "(accepted)";
  if (result.error().size() != 1) return "(several) " + result.error()[0] + " | " + result.error()[1];
  return result.error()[0];
}

// The only error with these lines at the top, or at the end of a VM's only thread.
std::string top_error(const std::string& lines) {
  return only_error(kHead + lines + kVm);
}
std::string thread_error(const std::string& lines) {
  return only_error(std::string(kHead) + kVm + lines);
}
std::string random_error(const std::string& lines) {
  return only_error(kHead + std::string("[random]\n") + lines);
}

TEST(Scenario, DefaultsFillWhatIsNotWritten) {
  const auto result = scenario_of(std::string(kHead) + kVm);
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_EQ(result->title, "test");
  EXPECT_EQ(result->duration, seconds(10));
  EXPECT_EQ(result->runs, 1U);
  EXPECT_THAT(result->processors, ElementsAre(1));
  EXPECT_THAT(result->policies, SizeIs(std::size(sim::kPolicies)));
  EXPECT_FALSE(result->axis);
  const sim::ThreadSpec& thread = result->vms.at(0).threads.at(0).thread;
  EXPECT_EQ(thread.set, "a/t");
  EXPECT_EQ(thread.cls, CANDOR_CLASS_FAIR);
  EXPECT_EQ(thread.arrival, sim::Arrival::kAlways);
}

TEST(Scenario, EveryKeyIsRead) {
  const auto result = scenario_of(R"(
name = "test"
title = "A title"
seed = 5
duration = "2s"
runs = 3
until_miss = true
processors = [1, 4]
policies = ["fair", "composite"]
[axis]
name = "VMs"
values = [1, 2.5]
[host]
context_switch = "1us"
wake_up = "2us"
guest_switch = "100ns"
decision = "5us"
rank_change = "4us"
slice = "1ms"
fair_server = "0s"
stolen = "2ms"
stolen_every = "3s"
[[picture]]
measure = "misses"
set = "s"
title = "Misses"
limit = 5
[[vm]]
name = "a"
count = "axis per processor"
weight = 200
vcpus = "2 per processor"
realtime_vcpus = 3
bandwidth = 0.5
max_priority = 60
[[vm.thread]]
name = "t"
set = "s"
count = 2
class = "fixed"
priority = 7
arrival = "bursty"
period = "10ms"
deadline = "8ms"
work = "1ms"
shortest = 0.5
budget = "2ms"
blocking = "1ms"
offset = "3ms"
burst = 4
lie = "overrun"
[[vm.thread]]
name = "u"
class = "background"
arrival = "sporadic"
period = "20ms"
spread = "5ms"
steps = ["lock a", "compute 1us", "lock b", "unlock b", "unlock a", "wake w"]
[[vm.thread]]
name = "w"
steps = ["wait", "lock b", "compute 1ms", "unlock b"]
)");
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_EQ(result->title, "A title");
  EXPECT_EQ(result->seed, 5U);
  EXPECT_EQ(result->duration, seconds(2));
  EXPECT_EQ(result->runs, 3U);
  EXPECT_TRUE(result->until_miss);
  EXPECT_THAT(result->processors, ElementsAre(1, 4));
  EXPECT_THAT(result->policies, ElementsAre(sim::Policy::kFair, sim::Policy::kComposite));
  EXPECT_EQ(result->axis->name, "VMs");
  EXPECT_THAT(result->axis->values, ElementsAre(1, 2.5));
  EXPECT_EQ(result->machine.costs.context_switch, microseconds(1));
  EXPECT_EQ(result->machine.costs.wake_up, microseconds(2));
  EXPECT_EQ(result->machine.costs.guest_switch, nanoseconds(100));
  EXPECT_EQ(result->machine.costs.decision, microseconds(5));
  EXPECT_EQ(result->machine.costs.rank_change, microseconds(4));
  EXPECT_EQ(result->machine.slice, milliseconds(1));
  EXPECT_EQ(result->machine.fair_server, Duration{});
  EXPECT_EQ(result->machine.stolen, milliseconds(2));
  EXPECT_EQ(result->machine.stolen_every, seconds(3));
  const sim::Shown& shown = result->shown.at(0);
  EXPECT_EQ(shown.measure, sim::Measure::kMisses);
  EXPECT_EQ(shown.set, "s");
  EXPECT_EQ(shown.title, "Misses");
  EXPECT_EQ(shown.limit, 5);
  const sim::VmKind& vm = result->vms.at(0);
  EXPECT_EQ(vm.count.whole_at(4, 2.5), 10U);
  EXPECT_EQ(vm.vcpus.whole_at(4, 2.5), 8U);
  EXPECT_EQ(vm.realtime_vcpus, 3U);
  EXPECT_EQ(vm.vm.weight, 200U);
  EXPECT_EQ(vm.vm.bandwidth, 0.5);
  EXPECT_EQ(vm.vm.max_priority, 60U);
  const sim::ThreadSpec& t = vm.threads.at(0).thread;
  EXPECT_EQ(t.set, "s");
  EXPECT_EQ(vm.threads[0].count.whole_at(1, 1), 2U);
  EXPECT_EQ(t.cls, CANDOR_CLASS_FIXED);
  EXPECT_EQ(t.priority, 7U);
  EXPECT_EQ(t.arrival, sim::Arrival::kBursty);
  EXPECT_EQ(t.period, milliseconds(10));
  EXPECT_EQ(t.deadline, milliseconds(8));
  EXPECT_EQ(t.work, milliseconds(1));
  EXPECT_EQ(t.shortest, 0.5);
  EXPECT_EQ(t.budget, milliseconds(2));
  EXPECT_EQ(t.blocking, milliseconds(1));
  EXPECT_EQ(t.offset, milliseconds(3));
  EXPECT_EQ(t.burst, 4U);
  EXPECT_EQ(t.lie, sim::Lie::kOverrun);
  const sim::ThreadSpec& u = vm.threads.at(1).thread;
  EXPECT_EQ(u.spread, milliseconds(5));
  EXPECT_EQ(u.offset, Duration{-1}) << "random";
  ASSERT_THAT(u.steps, SizeIs(6));
  EXPECT_EQ(u.steps[1].time, microseconds(1));
  EXPECT_EQ(u.steps[2].target, 1U) << "the second lock";
  EXPECT_EQ(u.steps[5].kind, sim::Step::Kind::kWake);
  EXPECT_EQ(u.steps[5].target, 2U) << "the third kind of thread";
  EXPECT_EQ(vm.threads.at(2).thread.steps.at(1).target, 1U) << "locks are the VM's";
}

TEST(Scenario, AnErrorNamesFileLineKeyValueLimitAndRemedy) {
  EXPECT_EQ(
      top_error("duration = \"200000s\"\n"),
      "dir/file.toml:2:12: key \"duration\": value \"200000s\" is above the limit of 100000s; write a time "
      "from 1ms to 100000s");
  EXPECT_THAT(thread_error("period = \"10ms\"\nwork = \"11ms\"\n"),
              AllOf(StartsWith("dir/file.toml:7:8: vm \"a\", thread \"t\": key \"work\": value \"11ms\""),
                    HasSubstr("above the limit of 10ms")));
}

TEST(Scenario, UnknownKeysAreErrorsWithTheNearestName) {
  EXPECT_THAT(top_error("duraton = \"1s\"\n"), HasSubstr("did you mean \"duration\"?"));
  EXPECT_THAT(top_error("[axis]\nname = \"x\"\nvalue = [1]\nvalues = [1]\n"),
              HasSubstr("did you mean \"values\"?"));
  EXPECT_THAT(top_error("[host]\nslise = \"1ms\"\n"), HasSubstr("did you mean \"slice\"?"));
  EXPECT_THAT(thread_error("cls = \"fair\"\n"), HasSubstr("did you mean \"class\"?"));
}

TEST(Scenario, NamesHaveToBeKnown) {
  EXPECT_THAT(top_error("policies = [\"fare\"]\n"), HasSubstr("did you mean \"fair\"?"));
  EXPECT_THAT(top_error("policies = [\"fair\", \"fair\"]\n"), HasSubstr("is there already"));
  EXPECT_THAT(thread_error("class = \"dedline\"\n"), HasSubstr("did you mean \"deadline\"?"));
  EXPECT_THAT(thread_error("lie = \"urgnt\"\n"), HasSubstr("did you mean \"urgent\"?"));
  EXPECT_THAT(top_error("[[picture]]\nmeasure = \"miss\"\n"), HasSubstr("did you mean \"misses\"?"));
  EXPECT_THAT(top_error("[[picture]]\nmeasure = \"misses\"\nset = \"a/u\"\n"),
              HasSubstr("did you mean \"a/t\"?"));
}

TEST(Scenario, ListsAscend) {
  EXPECT_THAT(top_error("processors = [4, 1]\n"), HasSubstr("does not ascend"));
  EXPECT_THAT(top_error("processors = []\n"), HasSubstr("is not a list"));
  EXPECT_THAT(top_error("processors = [257]\n"), HasSubstr("from 1 to 256"));
  EXPECT_THAT(top_error("[axis]\nname = \"x\"\nvalues = [2, 2]\n"), HasSubstr("does not ascend"));
  EXPECT_THAT(top_error("[axis]\nname = \"x\"\nvalues = [2, \"two\"]\n"), HasSubstr("of another kind"));
  EXPECT_THAT(top_error("[axis]\nname = \"x\"\n"), HasSubstr("\"values\" is missing"));
}

TEST(Scenario, GrowingNumbersAreCheckedAtEveryPoint) {
  const std::string vm = "[[vm]]\nname = \"a\"\nvcpus = \"5 per processor\"\n[[vm.thread]]\nname = \"t\"\n";
  EXPECT_EQ(only_error(kHead + std::string("processors = [1, 12]\n") + vm), "(accepted)");
  EXPECT_THAT(only_error(kHead + std::string("processors = [1, 16]\n") + vm),
              AllOf(StartsWith("dir/file.toml:5:9: vm \"a\": key \"vcpus\": value \"5 per processor\""),
                    HasSubstr("is 80 with 16 processors, above the limit of 64")));
  EXPECT_THAT(thread_error("count = \"axis\"\n"), HasSubstr("needs a table [axis]"));
  EXPECT_THAT(thread_error("count = \"many\"\n"), HasSubstr("write for example 4, \"4 per processor\""));
}

TEST(Scenario, WhatHasNoMeaningIsAnError) {
  EXPECT_THAT(thread_error("priority = 5\n"), HasSubstr("but with class \"fixed\""));
  EXPECT_THAT(thread_error("deadline = \"5ms\"\n"), HasSubstr("with arrival \"always\""));
  EXPECT_THAT(thread_error("spread = \"5ms\"\n"), HasSubstr("\"sporadic\""));
  EXPECT_THAT(thread_error("blocking = \"5ms\"\n"), HasSubstr("\"deadline\" or \"fixed\""));
  EXPECT_THAT(thread_error("budget = \"5ms\"\n"), HasSubstr("\"deadline\" or \"fixed\""));
  EXPECT_THAT(thread_error("work = \"1ms\"\nsteps = [\"compute 1us\"]\n"), HasSubstr("beside \"steps\""));
  EXPECT_THAT(top_error("[[picture]]\nmeasure = \"harmful\"\nset = \"a/t\"\n"),
              HasSubstr("of the whole machine"));
}

TEST(Scenario, WhatIsNeededMustBeThere) {
  EXPECT_THAT(only_error(kVm), HasSubstr("\"name\" is missing"));
  EXPECT_THAT(only_error(kHead), HasSubstr("no VM is described"));
  EXPECT_THAT(only_error(std::string(kHead) + "[[vm]]\nname = \"a\"\n"), HasSubstr("has no thread"));
  EXPECT_THAT(thread_error("arrival = \"periodic\"\nwork = \"1ms\"\n"), HasSubstr("\"period\" is missing"));
  EXPECT_THAT(thread_error("class = \"deadline\"\n"), HasSubstr("\"period\" is missing"));
  EXPECT_THAT(thread_error("period = \"1ms\"\n"), HasSubstr("\"work\" is missing"));
  EXPECT_THAT(thread_error("class = \"fixed\"\nperiod = \"9ms\"\nwork = \"1ms\"\n"),
              HasSubstr("\"priority\" is missing"));
}

TEST(Scenario, StepsMustBeSound) {
  const auto steps = [](const std::string& list) { return thread_error("steps = [" + list + "]\n"); };
  EXPECT_EQ(steps(R"("lock q", "compute 1us", "unlock q")"), "(accepted)");
  EXPECT_THAT(steps(R"("jump")"),
              AllOf(HasSubstr("value \"jump\" is no step"), HasSubstr("\"compute 100us\"")));
  EXPECT_THAT(steps(R"("compute 5")"), HasSubstr("no time with unit"));
  EXPECT_THAT(steps(R"("compute 1us", "lock q")"), HasSubstr("\"q\" is still held"));
  EXPECT_THAT(steps(R"("compute 1us", "unlock q")"), HasSubstr("not held"));
  EXPECT_THAT(steps(R"("lock q", "lock q", "compute 1us", "unlock q")"), HasSubstr("held already"));
  EXPECT_THAT(steps(R"("lock a", "lock b", "compute 1us", "unlock a", "unlock b")"),
              HasSubstr("out of turn"));
  EXPECT_THAT(steps(R"("lock q", "unlock q")"), HasSubstr("take no time"));
  EXPECT_THAT(steps(R"("compute 1us", "wake tt")"), HasSubstr("did you mean \"t\"?"));
  EXPECT_THAT(steps(R"("compute 1us", "wait")"), HasSubstr("no thread of its VM wakes it"));
}

TEST(Scenario, ATraceNeedsItsFileAndWhatItsClaimNeeds) {
  const auto file = std::filesystem::temp_directory_path() / fmt::format("candor-scenario-{}.csv", getpid());
  std::ofstream(file) << "0,100\n2000,150\n";
  const std::string trace = "arrival = \"trace\"\ntrace = \"" + file.string() + "\"\n";
  const auto result = scenario_of(std::string(kHead) + kVm + trace + "deadline = \"5ms\"\n");
  ASSERT_TRUE(result.ok()) << result.error()[0];
  const sim::ThreadSpec& t = result->vms.at(0).threads.at(0).thread;
  EXPECT_EQ(t.arrival, sim::Arrival::kTrace);
  EXPECT_EQ(t.deadline, milliseconds(5));
  EXPECT_THAT(*t.trace, SizeIs(2));
  EXPECT_EQ(thread_error(trace + "class = \"deadline\"\nperiod = \"2ms\"\nbudget = \"1ms\"\n"), "(accepted)");
  EXPECT_THAT(thread_error(trace), HasSubstr("key \"deadline\" is missing"));
  EXPECT_THAT(thread_error(trace + "class = \"deadline\"\nperiod = \"2ms\"\n"),
              HasSubstr("key \"budget\" is missing, which a real-time thread with a trace needs"));
  EXPECT_THAT(thread_error(trace + "class = \"deadline\"\ndeadline = \"2ms\"\nbudget = \"1ms\"\n"),
              HasSubstr("key \"period\" is missing, which a real-time thread needs"));
  EXPECT_THAT(thread_error(trace + "deadline = \"5ms\"\nwork = \"1ms\"\n"),
              HasSubstr("with arrival \"trace\""));
  EXPECT_THAT(thread_error(trace + "deadline = \"5ms\"\noffset = \"1ms\"\n"), HasSubstr("with this arrival"));
  EXPECT_THAT(thread_error("arrival = \"trace\"\ndeadline = \"5ms\"\n"),
              HasSubstr("key \"trace\" is missing"));
  EXPECT_THAT(thread_error("trace = \"x.csv\"\n"), HasSubstr("but with arrival \"trace\""));
  EXPECT_THAT(thread_error("arrival = \"trace\"\ntrace = \"x.csv\"\ndeadline = \"5ms\"\n"),
              AllOf(StartsWith("dir/file.toml:7:9: vm \"a\", thread \"t\": key \"trace\": value \"x.csv\""),
                    HasSubstr("dir/x.csv: is no file")));
  std::filesystem::remove(file);
}

TEST(Scenario, AnRtAppFileMakesThreads) {
  const auto file = std::filesystem::temp_directory_path() / fmt::format("candor-scenario-{}.json", getpid());
  std::ofstream(file) << R"({ "tasks" : { "u" : { "run" : 5, "sleep" : 5 }, "v" : { "run" : 5 } } })";
  const std::string vm = "[[vm]]\nname = \"a\"\nrt_app = \"" + file.string() + "\"\n";
  const auto alone = scenario_of(kHead + vm);
  ASSERT_TRUE(alone.ok()) << alone.error()[0];
  EXPECT_THAT(alone->vms.at(0).threads, SizeIs(2));
  const auto beside = scenario_of(kHead + vm + "[[vm.thread]]\nname = \"t\"\n");
  ASSERT_TRUE(beside.ok()) << beside.error()[0];
  EXPECT_THAT(beside->vms.at(0).threads, SizeIs(3));
  EXPECT_EQ(beside->vms[0].threads[1].thread.set, "a/u");
  EXPECT_THAT(only_error(kHead + vm + "[[vm.thread]]\nname = \"v\"\n"), HasSubstr("has a task \"v\""));
  EXPECT_THAT(
      only_error(kHead + std::string("[[vm]]\nname = \"a\"\nrt_app = \"x.json\"\n")),
      AllOf(StartsWith("dir/file.toml:4:10: vm \"a\": key \"rt_app\": value \"x.json\" cannot be used: "),
            HasSubstr("dir/x.json: is no file")));
  std::filesystem::remove(file);
}

TEST(Scenario, ASetHasOneClass) {
  EXPECT_THAT(thread_error("set = \"s\"\n[[vm.thread]]\nname = \"u\"\nset = \"s\"\nclass = \"background\"\n"),
              HasSubstr("set \"s\" has threads of different classes"));
}

TEST(Scenario, VmsMayExistForSomeNamesOfTheAxis) {
  const std::string axis = "[axis]\nname = \"attack\"\nvalues = [\"none\", \"lies\"]\n";
  const auto vm = [](const std::string& only) {
    return "[[vm]]\nname = \"a\"\nonly = " + only + "\n[[vm.thread]]\nname = \"t\"\n";
  };
  const auto result = scenario_of(kHead + axis + vm("[\"lies\"]"));
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_THAT(result->axis->labels, ElementsAre("none", "lies"));
  EXPECT_THAT(result->axis->values, ElementsAre(0, 1));
  EXPECT_THAT(result->vms.at(0).only, ElementsAre(1));
  EXPECT_THAT(only_error(kHead + axis + vm("[\"lie\"]")), HasSubstr("did you mean \"lies\"?"));
  EXPECT_THAT(only_error(kHead + vm("[\"lies\"]")), HasSubstr("needs a table [axis]"));
}

TEST(Scenario, RandomSetsMustExist) {
  const std::string rest = "vms = 2\ntasks = \"5 per processor\"\n";
  const auto result = scenario_of(
      kHead + std::string("processors = [2]\n[axis]\nname = \"u\"\nvalues = [0.3, 1]\n[random]\n") +
      "utilisation = \"axis\"\n" + rest);
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_TRUE(result->random->utilisation.by_load);
  EXPECT_EQ(result->random->tasks.whole_at(2, 0), 10U);
  EXPECT_THAT(random_error(rest), HasSubstr("\"utilisation\" is missing"));
  EXPECT_THAT(random_error("utilisation = 1.2\n" + rest), HasSubstr("above the limit of 1"));
  EXPECT_THAT(random_error("utilisation = 0.9\ntask_max = 0.1\n" + rest),
              HasSubstr("raise \"tasks\" or \"task_max\""));
  EXPECT_THAT(random_error("utilisation = 0.9\ntasks = 1\nvms = 2\n"), HasSubstr("fewer tasks than VMs"));
  EXPECT_THAT(random_error("utilisation = 0.9\ntasks = 70\nvms = 1\n"), HasSubstr("has 70 tasks"));
  EXPECT_THAT(random_error("utilisation = 0.9\nperiod_min = \"90ms\"\nperiod_max = \"91ms\"\n" + rest),
              HasSubstr("no period lies there"));
  EXPECT_THAT(random_error("utilisation = 0.9\n" + rest + kVm), HasSubstr("exclude each other"));
}

TEST(Scenario, SeveralErrorsAreAllReported) {
  const auto result = scenario_of(
      "name = \"A B\"\nruns = 0\n[[vm]]\nname = \"a\"\nweight = 0\n[[vm.thread]]\nname = \"t\"\n");
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error(), ElementsAre(StartsWith("dir/file.toml:1:8"), StartsWith("dir/file.toml:2:8"),
                                          StartsWith("dir/file.toml:5:10")));
}

TEST(Scenario, WhatIsNoTomlNamesThePlace) {
  EXPECT_THAT(only_error("name = \n"), AllOf(StartsWith("dir/file.toml:1:"), HasSubstr("not TOML")));
  const auto missing = load_scenario("/nowhere/x.toml");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error()[0], HasSubstr("/nowhere/x.toml: cannot be read"));
}

TEST(Scenario, ExamplesAreSound) {
  for (const char* name :
       {"schedulability", "unguarded", "density", "overcommit", "hostile", "growth", "main", "rt-app"}) {
    const auto result = load_scenario(std::string(CANDOR_SOURCE) + "/examples/sim/" + name + ".toml");
    ASSERT_TRUE(result.ok()) << result.error()[0];
    EXPECT_EQ(result->name, name);
  }
}

}  // namespace
}  // namespace candor::cli
