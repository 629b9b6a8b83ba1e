#include "cli/guest_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

namespace candor::cli {
namespace {

using nlohmann::json;

constexpr Time kGuestStart{seconds(7).ns};
constexpr Time kGuestNow = kGuestStart + seconds(1);

class GuestTraceFile : public testing::Test {
 protected:
  void add(std::uint32_t vcpu, std::int64_t us, candor_trace_event event, std::uint32_t thread,
           std::uint32_t argument = 0) {
    const candor_trace record = {.time_ns = static_cast<std::uint64_t>((kGuestStart + microseconds(us)).ns),
                                 .argument = argument,
                                 .thread = static_cast<std::uint16_t>(thread),
                                 .event = static_cast<std::uint8_t>(event),
                                 .reserved = 0};
    trace_.add(vcpu, record, kGuestNow, name_of);
  }
  static std::string name_of(std::uint32_t slot) {
    return slot == 1 ? "loop" : slot == 2 ? "log" : slot == 3 ? "\"\\\xff" : "";
  }
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
  TraceWriter file_{text_, kGuestStart, kRanksInForce};
  GuestTrace trace_{file_, 4};
};

TEST_F(GuestTraceFile, ADispatchIsASliceUntilTheNextOnItsVcpu) {
  add(0, 10, CANDOR_TRACE_DISPATCH, 1);
  add(1, 12, CANDOR_TRACE_DISPATCH, 2);
  add(0, 30, CANDOR_TRACE_DISPATCH, CANDOR_TRACE_IDLE);
  add(0, 50, CANDOR_TRACE_DISPATCH, 9);
  add(0, 55, CANDOR_TRACE_DISPATCH, CANDOR_TRACE_UNKNOWN);
  trace_.end(kGuestStart + microseconds(70));
  const auto slices = events("X");
  ASSERT_EQ(slices.size(), 4u);
  EXPECT_EQ(slices[0]["name"], "loop");
  EXPECT_EQ(slices[0]["ts"], 10.0);
  EXPECT_EQ(slices[0]["dur"], 20.0);
  EXPECT_EQ(slices[0]["pid"], process_id(4));
  EXPECT_EQ(slices[1]["name"], "thread 9") << "nobody ran from 30 to 50";
  EXPECT_EQ(slices[1]["dur"], 5.0);
  EXPECT_EQ(slices[2]["name"], "(unknown)");
  EXPECT_EQ(slices[3]["name"], "log");
  EXPECT_EQ(slices[3]["dur"], 58.0);
  EXPECT_NE(slices[3]["tid"], slices[0]["tid"]);
  const auto names = events("M");
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0]["args"]["name"], "vCPU 0: threads");
  EXPECT_EQ(names[0]["tid"], slices[0]["tid"]);
}

TEST_F(GuestTraceFile, OtherEventsSayWhoAndWhy) {
  add(0, 1, CANDOR_TRACE_WAKE, 1, 2);
  add(0, 2, CANDOR_TRACE_BLOCK, 1, 1'500'000);
  add(0, 3, CANDOR_TRACE_BLOCK, 1, ~0u);
  add(0, 4, CANDOR_TRACE_YIELD, 1);
  add(0, 5, CANDOR_TRACE_END, 1);
  add(0, 6, CANDOR_TRACE_MOVE, 1, 3);
  add(0, 7, CANDOR_TRACE_UPCALL, 1, CANDOR_PENDING_TIMER | CANDOR_PENDING_CONSOLE);
  add(0, 8, CANDOR_TRACE_TIMER, 1, 2'000'000);
  add(0, 9, CANDOR_TRACE_CLAIM, 1, CANDOR_CLAIM_REFUSED | CANDOR_REFUSED_BANDWIDTH << 8);
  const auto instants = events("i");
  const std::vector<std::pair<const char*, json>> expected = {{"loop: woken", {{"by", "log"}}},
                                                              {"loop: waits", {{"at_most_ms", 1.5}}},
                                                              {"loop: waits", json::object()},
                                                              {"loop: yields", json::object()},
                                                              {"loop: ends", json::object()},
                                                              {"loop: moves", {{"to_vcpu", 3}}},
                                                              {"upcall", {{"for", {"timer", "console"}}}},
                                                              {"timer set", {{"in_ms", 2.0}}},
                                                              {"loop: answer", {{"answer", "refused"}}}};
  ASSERT_EQ(instants.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(instants[i]["name"], expected[i].first);
    EXPECT_EQ(instants[i]["args"], expected[i].second) << expected[i].first;
    EXPECT_EQ(instants[i]["ts"], static_cast<double>(i + 1));
  }
}

TEST_F(GuestTraceFile, ReadyThreadsAreCountedWhereTheirNumberChanges) {
  for (const std::uint32_t ready : {0u, 0u, 2u, 2u, 1u}) add(1, 5, CANDOR_TRACE_PUBLISH, 1, ready);
  const auto counts = events("C");
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[1]["name"], "vCPU 1: ready");
  EXPECT_EQ(counts[1]["args"]["threads"], 2);
}

TEST_F(GuestTraceFile, WhereEventsAreLostNobodyIsSaidToRun) {
  add(0, 10, CANDOR_TRACE_DISPATCH, 1);
  add(0, 20, CANDOR_TRACE_YIELD, 1);
  trace_.add_lost(0, 0);
  trace_.add_lost(0, 5);
  add(0, 90, CANDOR_TRACE_DISPATCH, 2);
  trace_.end(kGuestStart + microseconds(100));
  const auto slices = events("X");
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0]["dur"], 10.0);
  EXPECT_EQ(slices[1]["ts"], 90.0);
  EXPECT_EQ(events("i").back()["name"], "5 events lost");
}

TEST_F(GuestTraceFile, NothingThatAGuestWritesBreaksTheFile) {
  add(0, 10, CANDOR_TRACE_DISPATCH, 3);
  for (unsigned event = 0; event < 256; ++event) {
    const candor_trace record = {.time_ns = event % 2 == 0 ? ~0ull : 0,
                                 .argument = ~0u - event,
                                 .thread = static_cast<std::uint16_t>(event * 257),
                                 .event = static_cast<std::uint8_t>(event),
                                 .reserved = 0xff};
    trace_.add(event % 3, record, kGuestNow, name_of);
  }
  trace_.end(kGuestNow);
  const json all = file();
  for (const json& e : all["traceEvents"]) {
    if (e.contains("dur")) {
      EXPECT_GE(e["dur"], 0);
    }
    if (!e.contains("ts")) continue;
    EXPECT_GE(e["ts"], 0);
    EXPECT_LE(e["ts"], file_.us(kGuestNow));
  }
}

}  // namespace
}  // namespace candor::cli
