#include "sched/levels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace candor::sched {
namespace {

int changes(const std::vector<int>& before, const std::vector<int>& after) {
  int n = 0;
  for (std::size_t i = 0; i < before.size(); ++i) n += before[i] != after[i] ? 1 : 0;
  return n;
}

std::vector<int> assigned(std::vector<int> levels, LevelRange range = {}) {
  assign_levels(levels, range);
  return levels;
}

bool strictly_falling(const std::vector<int>& levels) {
  return std::adjacent_find(levels.begin(), levels.end(), std::less_equal<>()) == levels.end();
}

TEST(Levels, FirstPlacesAreHigher) {
  const auto levels = assigned(std::vector<int>(10, 0));
  EXPECT_TRUE(strictly_falling(levels));
  EXPECT_LE(levels.front(), 70);
  EXPECT_GE(levels.back(), 10);
}

TEST(Levels, AnOrderThatStandsCostsNothing) {
  const auto levels = assigned({0, 0, 0});
  EXPECT_EQ(assigned(levels), levels);
}

TEST(Levels, OneThatMovesIsTheOnlyChange) {
  const auto levels = assigned({0, 0, 0, 0, 0});
  // The last becomes the first.
  const std::vector<int> moved = {levels[4], levels[0], levels[1], levels[2], levels[3]};
  const auto after = assigned(moved);
  EXPECT_TRUE(strictly_falling(after));
  EXPECT_EQ(changes(moved, after), 1);
}

TEST(Levels, TwoThatSwapCostOneChange) {
  const auto levels = assigned({0, 0});
  const std::vector<int> swapped = {levels[1], levels[0]};
  EXPECT_EQ(changes(swapped, assigned(swapped)), 1);
}

TEST(Levels, AsManyAsThereAreLevelsStayDistinct) {
  const LevelRange narrow{.lowest = 10, .highest = 14};
  EXPECT_EQ(assigned({0, 0, 0, 0, 0}, narrow), (std::vector<int>{14, 13, 12, 11, 10}));
}

TEST(Levels, BeyondThatTheLastShareTheLowest) {
  const LevelRange narrow{.lowest = 10, .highest = 12};
  EXPECT_EQ(assigned({0, 0, 0, 0, 0}, narrow), (std::vector<int>{12, 11, 10, 10, 10}));
}

TEST(Levels, LevelsOutOfTheRangeAreReplaced) {
  const auto levels = assigned({99, 5, 40});
  EXPECT_TRUE(strictly_falling(levels));
  EXPECT_LE(levels.front(), 70);
  EXPECT_GE(levels.back(), 10);
}

TEST(Levels, NoneIsFine) {
  EXPECT_TRUE(assigned({}).empty());
}

}  // namespace
}  // namespace candor::sched
