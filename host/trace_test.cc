// The trace of decisions, as a launcher gets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <optional>

#include "host/fake_vm_test.h"
#include "host/reason.h"
#include "host/trace_ring.h"

namespace candor::host {
namespace {

using testing::StartsWith;

class Trace : public testing::Test {
 protected:
  // Decisions are made, and traced, whether or not this host permits ranks.
  void start(std::size_t entries) {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    for (int p = 0; p < CPU_SETSIZE; ++p)
      if (CPU_ISSET(static_cast<unsigned>(p), &set)) cpu_ = p;
    auto client = SchedulerClient::spawn({.policy = Policy::kAware,
                                          .processors = {cpu_},
                                          .admission = {.job_overhead = microseconds(30)},
                                          .trace_entries = entries});
    ASSERT_TRUE(client.ok()) << client.error();
    client_.emplace(std::move(*client));
  }
  FakeVm::Options vm(std::uint32_t number) const {
    FakeVm::Options options;
    options.terms.vm = number;
    options.terms.bandwidth_ppm = 400'000;
    options.terms.max_priority = 50;
    options.terms.fair_vcpus = options.terms.realtime_vcpus = 1;
    std::snprintf(options.terms.name, sizeof options.terms.name, "vm%u", number);
    options.cpu = cpu_;
    return options;
  }
  // All events from now on until there is one that `wanted` names.
  template <typename Wanted>
  std::vector<TraceEvent> until(Wanted wanted) {
    std::vector<TraceEvent> all;
    const bool came = eventually([&] {
      const auto trace = client_->trace();
      EXPECT_TRUE(trace.ok()) << trace.error();
      if (!trace.ok()) return true;
      EXPECT_EQ(trace->lost, 0u);
      all.insert(all.end(), trace->events.begin(), trace->events.end());
      return std::any_of(trace->events.begin(), trace->events.end(), wanted);
    });
    EXPECT_TRUE(came);
    return all;
  }
  static auto is(TraceKind kind, std::uint32_t vm) {
    return [=](const TraceEvent& e) { return e.kind == kind && e.vm == vm; };
  }
  // Waiting for jobs that far off, so that the order is that of their deadlines.
  static void waits(const FakeVm& vm, std::uint32_t thread, Duration how_long) {
    vm.job(thread, CANDOR_THREAD_WAITING, monotonic_now() + how_long, Time::never(), {}, 1);
    vm.ring();
  }

  int cpu_ = 0;
  std::optional<SchedulerClient> client_;
};

#define START_TRACE(entries) \
  start(entries);            \
  if (HasFatalFailure()) return

TEST_F(Trace, ARankComesWithItsThreadAndTheRuleThatPutsItBehindAnother) {
  START_TRACE(kTraceEntries);
  FakeVm a(*client_, vm(1));
  ASSERT_EQ(a.claim(4, CANDOR_CLASS_DEADLINE, milliseconds(10), milliseconds(500)), CANDOR_CLAIM_ADMITTED);
  waits(a, 4, seconds(3));
  FakeVm b(*client_, vm(2));
  ASSERT_EQ(b.claim(5, CANDOR_CLASS_FIXED, milliseconds(10), milliseconds(500), 7), CANDOR_CLAIM_ADMITTED);
  const auto events = until(is(TraceKind::kAnswer, 2));
  const auto first = std::find_if(events.begin(), events.end(), is(TraceKind::kRank, 1));
  ASSERT_NE(first, events.end());
  EXPECT_EQ(first->vcpu, 1u);
  EXPECT_EQ(first->processor, static_cast<std::uint32_t>(cpu_));
  EXPECT_EQ(first->thread, 4u);
  EXPECT_GT(first->why.level, 0);
  EXPECT_THAT(reason_of(first->why, Time{first->at_ns}), StartsWith("first claim here: deadline in "));
  const auto second = std::find_if(events.begin(), events.end(), is(TraceKind::kRank, 2));
  ASSERT_NE(second, events.end());
  EXPECT_EQ(second->thread, 5u);
  EXPECT_EQ(second->why.behind_vm, 1u);
  EXPECT_EQ(second->why.behind_thread, 4u);
  EXPECT_EQ(second->why.ahead_thread, sched::kNone);
  EXPECT_EQ(reason_of(second->why, Time{second->at_ns}), "priority 7; before it: class of more worth");
  EXPECT_LT(second->why.level, first->why.level);
  EXPECT_GE(second->at_ns, first->at_ns);
  const auto answer = std::find_if(events.begin(), events.end(), is(TraceKind::kAnswer, 2));
  EXPECT_STREQ(answer->name, "thread5");
  EXPECT_LT(second, answer) << "the rank stands before the answer";
}

TEST_F(Trace, WhatTakesARankIsSaidToo) {
  START_TRACE(kTraceEntries);
  FakeVm a(*client_, vm(1));
  ASSERT_EQ(a.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(500)), CANDOR_CLAIM_ADMITTED);
  a.job(0, CANDOR_THREAD_READY, monotonic_now(), Time::never(), {}, 1);
  a.act(1, Act::kSpin);
  a.ring();
  const auto events = until(is(TraceKind::kExhausted, 1));
  const auto lost = std::find_if(events.begin(), events.end(), [](const TraceEvent& e) {
    return e.kind == TraceKind::kRank && e.why.level == 0;
  });
  ASSERT_NE(lost, events.end());
  EXPECT_EQ(lost->thread, 0u);
  EXPECT_THAT(reason_of(lost->why, Time{lost->at_ns}), StartsWith("budget used up: fair until"));
  a.act(1, Act::kSleep);

  EXPECT_EQ(a.claim(1, CANDOR_CLASS_DEADLINE, milliseconds(11), milliseconds(10)), CANDOR_CLAIM_REFUSED);
  until([](const TraceEvent& e) {
    return e.kind == TraceKind::kAnswer && e.thread == 1 && e.answer.status == CANDOR_CLAIM_REFUSED &&
           e.answer.reason == CANDOR_REFUSED_INVALID;
  });

  ASSERT_TRUE(client_->demote().ok());
  until(is(TraceKind::kOrdinary, 1));
}

TEST_F(Trace, WhatIsOverwrittenCountsAsLost) {
  constexpr std::size_t kRoom = 6;
  START_TRACE(kRoom);
  FakeVm a(*client_, vm(1));
  constexpr std::uint64_t kRefused = 10;
  for (std::uint64_t i = 0; i < kRefused; ++i)
    ASSERT_EQ(a.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(11), milliseconds(10)), CANDOR_CLAIM_REFUSED);
  const auto trace = client_->trace();
  ASSERT_TRUE(trace.ok()) << trace.error();
  EXPECT_EQ(trace->lost + trace->events.size(), kRefused);
  EXPECT_EQ(trace->events.size(), kRoom);
  const auto again = client_->trace();
  ASSERT_TRUE(again.ok()) << again.error();
  EXPECT_EQ(again->lost, 0u);
  EXPECT_TRUE(again->events.empty());
}

TEST_F(Trace, NobodyWhoDidNotAskForItPaysForIt) {
  START_TRACE(0);
  FakeVm a(*client_, vm(1));
  ASSERT_EQ(a.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  const auto trace = client_->trace();
  ASSERT_TRUE(trace.ok()) << trace.error();
  EXPECT_TRUE(trace->events.empty());
  EXPECT_EQ(trace->lost, 0u);
}

TEST(TraceRing, GivesEachEventOnceAndKnowsWhatIsMissing) {
  TraceRing ring(5);
  TraceEvents part;
  constexpr std::uint32_t kFull = part.events.size();
  static_assert(kFull == 3);
  std::int64_t added = 0, next = 0;
  const auto add = [&](int count) {
    for (int i = 0; i < count; ++i) {
      TraceEvent event;
      event.at_ns = added++;
      ring.add(event);
    }
  };
  const auto take = [&](std::uint32_t count, std::int64_t lost) {
    ring.take(part);
    EXPECT_EQ(part.first, static_cast<std::uint64_t>(next + lost));
    ASSERT_EQ(part.count, count);
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(part.events[i].at_ns, next + lost + i);
    next += lost + count;
  };
  take(0, 0);
  add(2);
  take(2, 0);
  add(5);
  take(kFull, 0);
  take(2, 0);
  add(13);
  take(kFull, 8);
  add(3);
  take(kFull, 0);
  take(2, 0);
  take(0, 0);
}

}  // namespace
}  // namespace candor::host
