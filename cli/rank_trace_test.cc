#include "cli/rank_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

namespace candor::cli {
namespace {

using host::TraceEvent;
using host::TraceKind;
using nlohmann::json;

class RankTraceTest : public testing::Test {
 protected:
  RankTraceTest() {
    trace_.add_vm(0, "control");
    trace_.add_vm(3, "film");
  }
  static constexpr Time at(std::int64_t us) { return Time{seconds(5).ns} + microseconds(us); }
  static TraceEvent event(TraceKind kind, std::int64_t us, std::uint32_t vm, std::uint32_t vcpu,
                          std::uint32_t thread) {
    TraceEvent e;
    e.at_ns = at(us).ns;
    e.kind = kind;
    e.vm = vm;
    e.vcpu = vcpu;
    e.thread = thread;
    e.processor = 2;
    return e;
  }
  // A claim of this thread, by deadline in so many us.
  static TraceEvent rank(std::int64_t us, std::uint32_t vm, std::uint32_t vcpu, std::uint32_t thread,
                         int level, std::int64_t deadline_us) {
    TraceEvent e = event(TraceKind::kRank, us, vm, vcpu, thread);
    e.why.level = level;
    e.why.thread = thread;
    e.why.cls = CANDOR_CLASS_DEADLINE;
    e.why.deadline = at(us + deadline_us);
    return e;
  }
  static TraceEvent answer(std::int64_t us, std::uint32_t vm, std::uint32_t vcpu, std::uint32_t thread,
                           const char* name, candor_claim_status status) {
    TraceEvent e = event(TraceKind::kAnswer, us, vm, vcpu, thread);
    e.answer.status = status;
    std::snprintf(e.name, sizeof e.name, "%s", name);
    return e;
  }
  // The whole file as it would be found now.
  json file() {
    EXPECT_TRUE(file_.flush());
    return json::parse(text_.str());
  }
  std::vector<json> events(const char* phase) {
    std::vector<json> found;
    const json all = file();
    for (const json& e : all["traceEvents"])
      if (e["ph"] == phase) found.push_back(e);
    return found;
  }

  std::ostringstream text_;
  TraceWriter file_{text_, at(0), "in force"};
  RankTrace trace_{file_};
};

TEST_F(RankTraceTest, VmsAreProcessesAndVcpusTheirTracks) {
  for (const std::uint32_t vcpu : {1, 2, 1}) trace_.add(event(TraceKind::kReplenished, 5, 3, vcpu, 4));
  const auto names = events("M");
  ASSERT_EQ(names.size(), 4u);
  EXPECT_EQ(names[0]["name"], "process_name");
  EXPECT_EQ(names[0]["args"]["name"], "control");
  EXPECT_EQ(names[1]["args"]["name"], "film");
  EXPECT_NE(names[1]["pid"], names[0]["pid"]);
  EXPECT_EQ(names[2]["name"], "thread_name");
  EXPECT_EQ(names[2]["args"]["name"], "vCPU 1");
  EXPECT_EQ(names[3]["args"]["name"], "vCPU 2");
  EXPECT_EQ(names[3]["pid"], names[1]["pid"]);
  EXPECT_NE(names[3]["tid"], names[2]["tid"]);
  EXPECT_EQ(events("i")[1]["tid"], names[3]["tid"]);
}

TEST_F(RankTraceTest, ARankIsASliceThatSaysWhatItIsBehindAndAheadOfAndWhy) {
  trace_.add(rank(10, 0, 1, 4, 62, 9'000));
  trace_.add(answer(10, 0, 1, 4, "loop", CANDOR_CLAIM_ADMITTED));
  TraceEvent behind = rank(20, 3, 2, 5, 50, 40'000);
  behind.why.behind_vm = 0;
  behind.why.behind_thread = 4;
  behind.why.behind_previous = sched::OrderReason::kDeadline;
  trace_.add(behind);
  TraceEvent changed = rank(30, 0, 1, 4, 40, 9'000);
  changed.why.ahead_vm = 3;
  changed.why.ahead_thread = 5;
  changed.why.ahead_of_next = sched::OrderReason::kDeadline;
  trace_.add(changed);
  EXPECT_EQ(events("X").size(), 1u) << "the others go on";
  trace_.end(at(100));
  const auto slices = events("X");
  ASSERT_EQ(slices.size(), 3u);
  const json& first = slices[0];
  EXPECT_EQ(first["name"], "loop") << "the name comes with the answer";
  EXPECT_EQ(first["ts"], 10.0);
  EXPECT_EQ(first["dur"], 20.0);
  EXPECT_EQ(first["args"]["level"], 62);
  EXPECT_EQ(first["args"]["processor"], 2);
  EXPECT_EQ(first["args"]["deadline_ms"], 9.0);
  EXPECT_EQ(first["args"]["reason"], "first claim here: deadline in 9.000 ms");
  EXPECT_FALSE(first["args"].contains("behind") || first["args"].contains("ahead_of"));
  const json& second = slices[2];
  EXPECT_EQ(second["name"], "thread 5") << "its name is not known";
  EXPECT_EQ(second["dur"], 80.0);
  EXPECT_EQ(second["args"]["behind"], "control: loop");
  EXPECT_EQ(second["args"]["reason"], "deadline in 40.000 ms; before it: earlier deadline");
  EXPECT_NE(first["tid"], second["tid"]);
  EXPECT_EQ(slices[1]["args"]["ahead_of"], "film: thread 5");
  EXPECT_EQ(slices[1]["args"]["ahead_by"], "earlier deadline");
}

TEST_F(RankTraceTest, WhatEndsARankIsAnEvent) {
  trace_.add(rank(10, 0, 1, 4, 62, 9'000));
  TraceEvent lost = rank(40, 0, 1, 4, 0, 9'000);
  lost.why.replenish = at(2'540);
  trace_.add(lost);
  trace_.add(rank(50, 0, 1, 4, 62, 9'000));
  TraceEvent gone = event(TraceKind::kRank, 60, 0, 1, sched::kNone);
  trace_.add(gone);
  trace_.add(rank(70, 0, 1, 4, 62, 9'000));
  trace_.add(event(TraceKind::kOrdinary, 90, 0, sched::kNone, sched::kNone));
  trace_.add(event(TraceKind::kOrdinary, 95, 0, sched::kNone, sched::kNone));
  std::vector<double> ends;
  for (const json& e : events("X")) ends.push_back(e["ts"].get<double>() + e["dur"].get<double>());
  EXPECT_THAT(ends, testing::ElementsAre(40, 60, 90));
  const auto marks = events("i");
  ASSERT_EQ(marks.size(), 3u);
  EXPECT_EQ(marks[0]["name"], "rank lost");
  EXPECT_EQ(marks[0]["args"]["reason"], "budget used up: fair until it is replenished in 2.500 ms");
  EXPECT_EQ(marks[1]["args"]["reason"], "no claim is left here");
  EXPECT_EQ(marks[2]["name"], "all ranks taken back") << "once";
  EXPECT_EQ(marks[2]["s"], "p");
}

TEST_F(RankTraceTest, AnswersAndBudgetsAreEvents) {
  TraceEvent refused = answer(5, 0, sched::kNone, 4, "loop", CANDOR_CLAIM_REFUSED);
  refused.answer.reason = CANDOR_REFUSED_BANDWIDTH;
  refused.answer.fits_ppm = 250'000;
  trace_.add(refused);
  trace_.add(answer(6, 0, 1, 4, "loop", CANDOR_CLAIM_ADMITTED));
  trace_.add(event(TraceKind::kExhausted, 7, 0, 1, 4));
  trace_.add(event(TraceKind::kReplenished, 8, 0, 1, 4));
  trace_.add(event(TraceKind::kMoved, 9, 0, 1, sched::kNone));
  trace_.add(answer(10, 0, sched::kNone, 4, "", CANDOR_CLAIM_NONE));
  std::vector<std::string> names;
  for (const json& e : events("i")) names.push_back(e["name"]);
  EXPECT_THAT(names, testing::ElementsAre("loop: refused", "loop: admitted", "loop: budget used up",
                                          "loop: budget again", "moved", "thread 4: no claim"));
  const json mark = events("i")[0];
  EXPECT_EQ(mark["args"]["reason"], "the VM's reserves would exceed its bandwidth");
  EXPECT_EQ(mark["args"]["would_fit"], 0.25);
}

TEST_F(RankTraceTest, WhereEventsAreLostNoRankIsClaimed) {
  trace_.add(rank(10, 0, 1, 4, 62, 9'000));
  trace_.add(event(TraceKind::kReplenished, 30, 3, 1, 4));
  trace_.add_lost(0);
  EXPECT_TRUE(events("X").empty());
  trace_.add_lost(17);
  trace_.add(rank(90, 0, 1, 4, 50, 9'000));
  trace_.end(at(100));
  const auto slices = events("X");
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0]["dur"], 20.0);
  EXPECT_EQ(slices[1]["ts"], 90.0);
  EXPECT_THAT(events("i").back()["name"], "17 events lost");
  EXPECT_EQ(events("i").back()["args"]["count"], 17);
}

TEST_F(RankTraceTest, TheFileIsWholeAtEachFlush) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(events("i").size(), static_cast<unsigned>(i));
    EXPECT_EQ(file()["otherData"]["ranks"], "in force");
    trace_.add(event(TraceKind::kReplenished, i, 0, 1, 4));
  }
}

TEST(RankTrace, NothingThatItIsGivenBreaksTheFile) {
  std::ostringstream text;
  TraceWriter file(text, Time{0}, "\"not\"");
  RankTrace trace(file);
  ASSERT_TRUE(file.flush());
  EXPECT_TRUE(json::parse(text.str())["traceEvents"].empty());
  trace.add_vm(1, "\"\\\n\xff");
  TraceEvent e;
  e.kind = TraceKind::kAnswer;
  e.vm = 77;
  e.thread = 1;
  e.answer.status = CANDOR_CLAIM_ADMITTED;
  std::snprintf(e.name, sizeof e.name, "</script>\"\x80");
  trace.add(e);
  e.kind = TraceKind::kRank;
  e.why.level = 10;
  e.why.behind_vm = 99;
  e.why.behind_thread = 8;
  e.why.deadline = Time::never();
  trace.add(e);
  trace.end(Time{0});
  ASSERT_TRUE(file.flush());
  const json all = json::parse(text.str());
  EXPECT_EQ(all["otherData"]["ranks"], "\"not\"");
  EXPECT_EQ(all["traceEvents"].back()["args"]["behind"], "vm 99: thread 8");
}

}  // namespace
}  // namespace candor::cli
