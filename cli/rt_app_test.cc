#include "cli/rt_app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/rt_app_json.h"

namespace candor::cli {
namespace {

using sim::Step;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

auto read(const std::string& text) {
  RtAppVm vm{.name = "vm", .threads = 0, .locks = {}};
  return parse_rt_app(text, "dir/a.json", vm);
}

std::string error_of(const std::string& text) {
  const auto result = read(text);
  if (result.ok()) return "(accepted)";
  if (result.error().size() > 1) return "(several) " + result.error()[0] + " | " + result.error()[1];
  return result.error()[0];
}

std::string tasks(const std::string& text) {
  return "{ \"tasks\" : { " + text + " } }";
}
// The only error of a task "t" with these fields.
std::string task_error(const std::string& fields) {
  return error_of(tasks("\"t\" : { " + fields + " }"));
}

std::vector<Step::Kind> kinds(const sim::ThreadKind& kind) {
  std::vector<Step::Kind> result;
  for (const Step& step : kind.thread.steps) result.push_back(step.kind);
  return result;
}

constexpr const char* kTimer = "\"timer\" : { \"ref\" : \"unique\", \"period\" : 20000 }";

TEST(RtApp, PoliciesBecomeClasses) {
  const std::string timer = kTimer;
  const auto result =
      read(R"({ "global" : { "default_policy" : "SCHED_IDLE", "duration" : 5, "calibration" : 20 },
    "resources" : { "m" : {} },
    "tasks" : {
      "idle" : { "run" : 1000 },
      "fair" : { "policy" : "SCHED_OTHER", "priority" : 0, "loop" : -1, "run" : 10, "sleep" : 20 },
      "fifo" : { "policy" : "SCHED_FIFO", "instance" : 3, "delay" : 7, "run" : 1000, )" +
           timer + R"( },
      "rr" : { "policy" : "SCHED_RR", "priority" : 99, "runtime" : 1000, )" +
           timer + R"( },
      "dl" : { "policy" : "SCHED_DEADLINE", "dl-runtime" : 2000, "dl-period" : 20000, "dl-deadline" : 15000,
               "run" : 1000, "timer" : { "ref" : "mine", "period" : 20000, "mode" : "absolute" } },
      "none" : { "instance" : 0, "run" : 1 } } })");
  ASSERT_TRUE(result.ok()) << result.error()[0];
  ASSERT_THAT(*result, SizeIs(5));
  const auto thread = [&](std::size_t i) -> const sim::ThreadSpec& { return (*result)[i].thread; };
  EXPECT_EQ(thread(0).cls, CANDOR_CLASS_BACKGROUND);
  EXPECT_EQ(thread(0).set, "vm/idle");
  EXPECT_EQ(thread(0).arrival, sim::Arrival::kAlways);
  EXPECT_EQ(thread(0).work, milliseconds(1));
  EXPECT_THAT(thread(0).steps, SizeIs(0));
  EXPECT_EQ(thread(1).cls, CANDOR_CLASS_FAIR);
  EXPECT_THAT(kinds((*result)[1]), ElementsAre(Step::Kind::kCompute, Step::Kind::kSleep));
  EXPECT_EQ(thread(2).cls, CANDOR_CLASS_FIXED);
  EXPECT_EQ(thread(2).priority, 10U);
  EXPECT_EQ((*result)[2].count.whole_at(1, 0), 3U);
  EXPECT_EQ(thread(2).arrival, sim::Arrival::kRelative);
  EXPECT_EQ(thread(2).period, milliseconds(20));
  EXPECT_EQ(thread(2).budget, milliseconds(1));
  EXPECT_EQ(thread(2).offset, microseconds(7));
  EXPECT_EQ(thread(3).priority, 99U);
  EXPECT_EQ(thread(4).cls, CANDOR_CLASS_DEADLINE);
  EXPECT_EQ(thread(4).arrival, sim::Arrival::kPeriodic);
  EXPECT_EQ(thread(4).budget, milliseconds(2));
  EXPECT_EQ(thread(4).deadline, milliseconds(15));
  EXPECT_EQ(thread(4).offset, Duration{});
}

TEST(RtApp, PhasesAreUnrolledIntoJobs) {
  const std::string timer = kTimer;
  const auto result = read(tasks(R"("t" : { "policy" : "SCHED_FIFO", "phases" : {
      "light" : { "loop" : 2, "run" : 1000, )" +
                                 timer + R"( },
      "heavy" : { "run0" : 4000, "lock" : "m", "run1" : 500, "unlock" : "m", )" +
                                 timer + " } } }"));
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_THAT(kinds(result->at(0)), ElementsAre(Step::Kind::kCompute, Step::Kind::kEnd, Step::Kind::kCompute,
                                                Step::Kind::kEnd, Step::Kind::kCompute, Step::Kind::kLock,
                                                Step::Kind::kCompute, Step::Kind::kUnlock));
  EXPECT_EQ(result->at(0).thread.budget, microseconds(4500)) << "of the longest job";
}

TEST(RtApp, ConditionsAndSuspensionBecomeWaitsAndWakes) {
  RtAppVm vm{.name = "vm", .threads = 3, .locks = {{"other", 0}}};
  const auto result = parse_rt_app(tasks(R"(
      "a" : { "run" : 1, "lock" : "m", "wait" : { "ref" : "c", "mutex" : "m" }, "unlock" : "m", "resume" : "s" },
      "b" : { "run" : 1, "lock" : "m", "wait" : { "ref" : "c", "mutex" : "m" }, "unlock" : "m" },
      "s" : { "suspend" : "s", "run" : 1, "broad" : "c" })"),
                                   "a.json", vm);
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_THAT(kinds(result->at(0)),
              ElementsAre(Step::Kind::kCompute, Step::Kind::kLock, Step::Kind::kUnlock, Step::Kind::kWait,
                          Step::Kind::kLock, Step::Kind::kUnlock, Step::Kind::kWake));
  EXPECT_EQ(result->at(0).thread.steps[1].target, 1U) << "the VM has a lock already";
  EXPECT_EQ(result->at(0).thread.steps[6].target, 5U) << "the VM has three kinds of thread already";
  EXPECT_THAT(kinds(result->at(2)),
              ElementsAre(Step::Kind::kWait, Step::Kind::kCompute, Step::Kind::kWake, Step::Kind::kWake));
  EXPECT_EQ(result->at(2).thread.steps[2].target, 3U);
  EXPECT_EQ(result->at(2).thread.steps[3].target, 4U);
}

TEST(RtApp, AnErrorNamesFilePathValueLimitAndRemedy) {
  EXPECT_EQ(
      task_error("\"phases\" : { \"p\" : { \"run0\" : 1, \"run1\" : -5 } }"),
      "dir/a.json: tasks.t.phases.p.run1: value -5 is below the limit of 1; write a whole number from 1 to "
      "100000000 (microseconds)");
}

TEST(RtApp, WhatIsNotSupportedSaysWhatIs) {
  for (const char* event :
       {"\"runn\" : 5", "\"mem\" : 5", "\"iorun\" : 5", "\"yield\" : \"\"", "\"fork\" : \"t\"",
        "\"barrier\" : \"x\"", "\"sync\" : {}", "\"cpus\" : [0]", "\"util_min\" : 3",
        "\"taskgroup\" : \"/x\"", "\"nodes_membind\" : [0]", "\"deadline\" : 5"})
    EXPECT_THAT(
        task_error(std::string("\"run\" : 1, ") + event),
        AllOf(StartsWith("dir/a.json: tasks.t."), HasSubstr("supported are run, runtime, sleep, timer")))
        << event;
  EXPECT_THAT(error_of("{ \"tasks\" : {}, \"taks\" : 1 }"),
              HasSubstr("taks: value 1 belongs to an unknown key"));
  EXPECT_THAT(error_of("{ \"global\" : { \"durration\" : 1 }, " + tasks("\"t\" : { \"run\" : 1 }").substr(1)),
              HasSubstr("global.durration: value 1 belongs to an unknown key"));
}

TEST(RtApp, WhatCannotBeExpressedIsAnError) {
  const std::string timer = kTimer;
  EXPECT_THAT(task_error("\"run\" : 1, \"loop\" : 5"), HasSubstr("tasks.t.loop: value 5 ends the task"));
  EXPECT_THAT(task_error("\"run\" : 1, \"policy\" : \"SCHED_BATCH\""), HasSubstr("is no policy"));
  EXPECT_THAT(task_error("\"run\" : 1, \"policy\" : \"SCHED_FIFO\""), HasSubstr("has no timer"));
  EXPECT_THAT(task_error("\"run\" : 1, \"priority\" : 5"), HasSubstr("from 0 to 0 with SCHED_OTHER"));
  EXPECT_THAT(task_error("\"run\" : 1, \"policy\" : \"SCHED_FIFO\", \"priority\" : 0, " + timer),
              HasSubstr("from 1 to 99"));
  EXPECT_THAT(task_error("\"run\" : 1, \"dl-runtime\" : 5"), HasSubstr("but with policy SCHED_DEADLINE"));
  EXPECT_THAT(task_error("\"run\" : 1, \"policy\" : \"SCHED_DEADLINE\", \"dl-runtime\" : 5, " + timer),
              HasSubstr("tasks.t.dl-period: is missing"));
  EXPECT_THAT(
      task_error("\"run\" : 1, \"policy\" : \"SCHED_DEADLINE\", \"dl-runtime\" : 50, \"dl-period\" : 40, " +
                 timer),
      HasSubstr("tasks.t.dl-runtime: value 50 is above the limit of 40"));
  EXPECT_THAT(
      task_error("\"run\" : 1, \"policy\" : \"SCHED_DEADLINE\", \"dl-runtime\" : 5, \"dl-period\" : 40, " +
                 timer),
      HasSubstr("another period than dl-period, 40us"));
  EXPECT_THAT(task_error("\"run\" : 20001, " + timer), HasSubstr("runs 20001us, above the limit of 20000us"));
  EXPECT_THAT(task_error(timer + ", \"run\" : 1"), HasSubstr("move the timer to the end"));
  EXPECT_THAT(task_error(timer), HasSubstr("takes no processor time"));
  EXPECT_THAT(task_error("\"sleep\" : 5"), HasSubstr("takes no processor time"));
  EXPECT_THAT(task_error(""), HasSubstr("has no event"));
  EXPECT_THAT(task_error("\"run\" : 1, \"delay\" : 5"), HasSubstr("without a timer"));
  EXPECT_THAT(
      task_error("\"run0\" : 1, \"timer0\" : { \"ref\" : \"uniqueA\", \"period\" : 20000 }, \"run1\" : 1, "
                 "\"timer1\" : { \"ref\" : \"uniqueB\", \"period\" : 20000 }"),
      HasSubstr("tasks.t.timer1: differs from tasks.t.timer0"));
  EXPECT_THAT(
      task_error("\"instance\" : 2, \"run\" : 1, \"timer\" : { \"ref\" : \"x\", \"period\" : 20000 }"),
      HasSubstr("shared by 2 instances"));
  EXPECT_THAT(error_of(tasks("\"a\" : { \"run\" : 1, \"timer\" : { \"ref\" : \"x\", \"period\" : 20 } }, "
                             "\"b\" : { \"run\" : 1, \"timer\" : { \"ref\" : \"x\", \"period\" : 20 } }")),
              HasSubstr("tasks.b.timer: is shared with tasks.a.timer"));
  EXPECT_THAT(task_error("\"run\" : 1, \"timer\" : { \"ref\" : \"unique\" }"),
              HasSubstr("period is missing"));
  EXPECT_THAT(
      task_error("\"run\" : 1, \"timer\" : { \"ref\" : \"unique\", \"period\" : 20, \"mode\" : \"x\" }"),
      HasSubstr("tasks.t.timer.mode: value \"x\" is no mode"));
  EXPECT_THAT(task_error("\"run\" : 1, \"phases\" : { \"p\" : { \"run\" : 1 } }"),
              HasSubstr("stands beside phases"));
  EXPECT_THAT(task_error("\"phases\" : { \"p\" : { \"run\" : 1, \"policy\" : \"SCHED_FIFO\" } }"),
              HasSubstr("set it for the whole task"));
  EXPECT_THAT(task_error("\"phases\" : { \"p\" : { \"loop\" : 9999, \"run0\" : 1, \"run1\" : 1 } }"),
              HasSubstr("more than 10000 steps"));
}

TEST(RtApp, LocksNest) {
  EXPECT_THAT(task_error("\"run\" : 1, \"lock\" : \"m\""), HasSubstr("still held at the end"));
  EXPECT_THAT(task_error("\"run\" : 1, \"unlock\" : \"m\""), HasSubstr("is not held"));
  EXPECT_THAT(task_error("\"run\" : 1, \"lock0\" : \"m\", \"lock1\" : \"m\", \"unlock\" : \"m\""),
              HasSubstr("held already"));
  EXPECT_THAT(
      task_error("\"run\" : 1, \"lock0\" : \"m\", \"lock1\" : \"n\", \"unlock0\" : \"m\", \"unlock1\" : "
                 "\"n\", \"unlock2\" : \"m\""),
      HasSubstr("out of turn"));
  EXPECT_THAT(task_error(std::string("\"run\" : 1, \"lock\" : \"m\", ") + kTimer + ", \"unlock\" : \"m\""),
              HasSubstr("is held when the timer"));
}

TEST(RtApp, WhoWaitsIsWoken) {
  EXPECT_THAT(task_error("\"run\" : 1, \"suspend\" : \"\""), HasSubstr("no task wakes it"));
  EXPECT_THAT(task_error("\"run\" : 1, \"suspend\" : \"u\""), HasSubstr("names another task"));
  EXPECT_THAT(task_error("\"run\" : 1, \"resume\" : \"u\""), HasSubstr("wakes nobody"));
  EXPECT_THAT(task_error("\"run\" : 1, \"signal\" : \"c\""), HasSubstr("wakes nobody"));
  EXPECT_THAT(task_error("\"run\" : 1, \"wait\" : { \"ref\" : \"c\", \"mutex\" : \"m\" }"),
              HasSubstr("needs mutex \"m\" held"));
  const std::string wait =
      "\"lock\" : \"m\", \"wait\" : { \"ref\" : \"c\", \"mutex\" : \"m\" }, \"unlock\" : \"m\"";
  EXPECT_THAT(error_of(tasks("\"a\" : { \"run\" : 1, " + wait + " }, \"b\" : { \"run\" : 1, " + wait +
                             " }, \"c\" : { \"run\" : 1, \"signal\" : \"c\" }")),
              HasSubstr("could wake one of 2 tasks"));
  EXPECT_THAT(error_of(tasks("\"a\" : { \"instance\" : 2, \"run\" : 1, " + wait +
                             " }, \"c\" : { \"run\" : 1, \"signal\" : \"c\" }")),
              HasSubstr("is done by 2 instances"));
  EXPECT_THAT(task_error("\"run\" : 1, \"suspend\" : \"\", " + wait), HasSubstr("waits for something else"));
}

TEST(RtApp, HostileFilesAreErrors) {
  EXPECT_THAT(error_of(""), StartsWith("dir/a.json: is not JSON at byte"));
  EXPECT_THAT(error_of("{ \"tasks\" : { \"t\" : { \"run\" : NaN } } }"), HasSubstr("is not JSON at byte"));
  EXPECT_THAT(error_of("{ \"tasks\" : { \"t\" : { \"run\" : 1, } } }"), HasSubstr("is not JSON at byte"));
  EXPECT_THAT(error_of("{ \"tasks\" : \"\xff\xfe\" }"), HasSubstr("is not JSON at byte"));
  EXPECT_THAT(task_error("\"run\" : 1e999"), HasSubstr("is not JSON at byte"));
  EXPECT_THAT(task_error("\"run\" : 1e99"), HasSubstr("not a whole number within reach"));
  EXPECT_THAT(task_error("\"run\" : 1.5"), HasSubstr("not a whole number"));
  EXPECT_THAT(task_error("\"run\" : 18446744073709551615"), HasSubstr("not a whole number within reach"));
  EXPECT_THAT(task_error("\"run\" : 9223372036854775807"), HasSubstr("above the limit of 100000000"));
  EXPECT_THAT(task_error("\"run\" : \"5\""), HasSubstr("value \"5\" is not a whole number"));
  EXPECT_THAT(task_error("\"run\" : null"), HasSubstr("value null"));
  EXPECT_THAT(task_error("\"run\" : [1]"), HasSubstr("value [...]"));
  EXPECT_THAT(task_error("\"instance\" : 65, \"run\" : 1"), HasSubstr("above the limit of 64"));
  EXPECT_THAT(task_error("\"timer\" : 5"), HasSubstr("is not an object"));
  EXPECT_THAT(error_of("[]"), HasSubstr("is not an object"));
  EXPECT_THAT(error_of("{}"), HasSubstr("tasks is missing"));
  EXPECT_THAT(error_of(tasks("")), HasSubstr("has no task"));
  EXPECT_THAT(error_of(tasks("\"a b\" : { \"run\" : 1 }")), HasSubstr("is not a name"));
  EXPECT_THAT(error_of(std::string(1'000'000, '[')), HasSubstr("nested deeper than the limit of 16"));
  EXPECT_THAT(error_of("{ \"tasks\" : " + std::string(100'000, '{')), HasSubstr("is not JSON at byte"));
}

TEST(RtApp, AKeyThatIsThereTwiceIsAnErrorWithItsPath) {
  EXPECT_THAT(
      task_error("\"run\" : 1, \"sleep\" : 1, \"run\" : 2"),
      AllOf(HasSubstr("tasks.t.run: key \"run\" is there twice"), HasSubstr("\"run0\" and \"run1\"")));
}

TEST(RtApp, CommentsAreAllowed) {
  EXPECT_EQ(error_of("/* one */ { // two\n \"tasks\" : { \"t\" : { \"run\" : 1 } } }"), "(accepted)");
}

}  // namespace
}  // namespace candor::cli
