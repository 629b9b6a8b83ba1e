#include "sim/realtime_tasks.h"

#include <gtest/gtest.h>

#include "sim/model.h"

namespace candor::sim {
namespace {

TEST(RealtimeTasks, AJobTakesItsWorkAndWhatDispatchingItCosts) {
  ThreadSpec fair, loop, fixed;
  loop.cls = CANDOR_CLASS_DEADLINE;
  loop.period = milliseconds(3);
  loop.work = milliseconds(1);
  fixed.cls = CANDOR_CLASS_FIXED;
  fixed.period = milliseconds(10);
  fixed.deadline = milliseconds(5);
  fixed.work = milliseconds(2);
  fixed.budget = milliseconds(1);
  VmSpec vm;
  vm.threads = {fair, loop, fixed};
  const RealtimeTasks made = realtime_tasks(vm, {.context_switch = microseconds(2),
                                                 .wake_up = microseconds(3),
                                                 .guest_switch = microseconds(4),
                                                 .decision = {},
                                                 .rank_change = {}});
  EXPECT_EQ(made.threads, (std::vector<std::uint32_t>{1, 2}));
  const Duration constant = microseconds(1 + 3 + 2 * 4);
  const std::vector<analysis::Task> tasks = {
      {milliseconds(3), milliseconds(1) + constant + microseconds(2) * (2 + 2 * 4), milliseconds(3)},
      {milliseconds(10), milliseconds(1) + constant + microseconds(2) * (2 + 2 * 11), milliseconds(5)}};
  EXPECT_EQ(made.tasks, tasks);
}

TEST(RealtimeTasks, AJobOfStepsTakesWhatTheyComputeUnlessABudgetIsGiven) {
  using Kind = Step::Kind;
  ThreadSpec t;
  t.cls = CANDOR_CLASS_DEADLINE;
  t.period = milliseconds(10);
  t.steps = {{.kind = Kind::kCompute, .time = milliseconds(1), .target = 0},
             {.kind = Kind::kLock, .time = {}, .target = 0},
             {.kind = Kind::kCompute, .time = milliseconds(2), .target = 0},
             {.kind = Kind::kUnlock, .time = {}, .target = 0},
             {.kind = Kind::kSleep, .time = milliseconds(4), .target = 0}};
  EXPECT_EQ(claimed(t), milliseconds(3)) << "what it sleeps takes no processor";
  VmSpec vm;
  vm.threads = {t};
  const Costs costs;
  EXPECT_EQ(realtime_tasks(vm, costs).tasks.at(0).work, milliseconds(3) + overhead(costs, t.period));
  t.steps.push_back({.kind = Kind::kEnd, .time = {}, .target = 0});
  t.steps.push_back({.kind = Kind::kCompute, .time = milliseconds(2), .target = 0});
  EXPECT_EQ(claimed(t), milliseconds(3)) << "the longest job, not both";
  t.budget = milliseconds(5);
  EXPECT_EQ(claimed(t), milliseconds(5));
}

std::vector<std::uint32_t> placed(const std::vector<Placeable>& servers) {
  return place(servers, 2, 1);
}

TEST(Place, SpreadsWhatHasRoom) {
  EXPECT_EQ(placed({{0.3, 0}, {0.2, 0}, {0.2, 1}}), (std::vector<std::uint32_t>{0, 1, 1}));
}

TEST(Place, PacksCloselyWhatElseHasNone) {
  EXPECT_EQ(placed({{0.6, 0}, {0.5, 1}, {0.4, 2}, {0.3, 3}, {0.2, 4}}),
            (std::vector<std::uint32_t>{0, 1, 0, 1, 1}));
}

// VM 0 has no room for its second server, so that VM 1 gets that of the first, and the third has none.
TEST(Place, AVmIsPlacedAsAWholeOrNotAtAll) {
  EXPECT_EQ(placed({{0.9, 0}, {0.9, 2}, {0.8, 0}, {0.7, 1}, {0.1, 0}}),
            (std::vector<std::uint32_t>{kNowhere, 1, kNowhere, 0, kNowhere}));
}

}  // namespace
}  // namespace candor::sim
