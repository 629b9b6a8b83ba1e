#include "sched/levels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <vector>

namespace candor::sched {
namespace {

// vCPUs in an order, and their table.
class Levels : public testing::Test {
 protected:
  void start(std::size_t count, LevelRange range = {}) {
    table_ = LevelTable(range, changed_);
    for (std::size_t i = 0; i < count; ++i) insert(&all_.emplace_back(), i);
    settle();
  }
  // Takes the one at `from` to `to`, of what is then there. Returns how many levels that changed.
  std::size_t move(std::size_t from, std::size_t to) {
    Levelled* v = order_[from];
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(from));
    table_.remove(*v);
    insert(v, to);
    return settle();
  }
  void insert(Levelled* v, std::size_t at) {
    table_.place(*v, at == 0 ? nullptr : order_[at - 1]);
    order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(at), v);
  }
  std::size_t settle() {
    table_.settle();
    const std::size_t n = changed_.size();
    for (Levelled* v : changed_) v->noted = false;
    changed_.clear();
    return n;
  }
  std::vector<int> levels() const {
    std::vector<int> all;
    for (const Levelled* v : order_) all.push_back(v->level);
    return all;
  }
  // The first so many.
  bool strictly_falling(std::size_t count) const {
    const auto all = levels();
    return std::adjacent_find(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                              std::less_equal<>()) == all.begin() + static_cast<std::ptrdiff_t>(count);
  }

  std::deque<Levelled> all_;
  std::vector<Levelled*> order_;
  std::vector<Levelled*> changed_;
  LevelTable table_{{}, changed_};
};

TEST_F(Levels, FirstPlacesAreHigher) {
  start(10);
  EXPECT_TRUE(strictly_falling(10));
  EXPECT_LE(levels().front(), 70);
  EXPECT_GE(levels().back(), 10);
}

TEST_F(Levels, AnOrderThatStandsCostsNothing) {
  start(3);
  EXPECT_EQ(settle(), 0u);
  EXPECT_EQ(move(1, 1), 0u);
}

TEST_F(Levels, OneThatMovesIsTheOnlyChange) {
  start(5);
  EXPECT_EQ(move(4, 0), 1u);
  EXPECT_EQ(move(0, 4), 1u);
  EXPECT_TRUE(strictly_falling(5));
}

TEST_F(Levels, TwoThatSwapCostOneChange) {
  start(2);
  EXPECT_EQ(move(1, 0), 1u);
  EXPECT_EQ(move(0, 1), 1u);
  EXPECT_TRUE(strictly_falling(2));
}

TEST_F(Levels, AsManyAsThereAreLevelsStayDistinct) {
  start(5, {.lowest = 10, .highest = 14});
  EXPECT_EQ(levels(), (std::vector<int>{14, 13, 12, 11, 10}));
  move(4, 0);
  EXPECT_EQ(levels(), (std::vector<int>{14, 13, 12, 11, 10}));
}

TEST_F(Levels, BeyondThatTheLastShareTheLowest) {
  start(5, {.lowest = 10, .highest = 12});
  EXPECT_EQ(levels(), (std::vector<int>{12, 11, 10, 10, 10}));
}

TEST_F(Levels, WhereThereAreEnoughAgainNoneAreShared) {
  start(62);
  EXPECT_TRUE(strictly_falling(20));
  EXPECT_EQ(levels()[60], levels()[61]);
  table_.remove(*order_[20]);
  order_.erase(order_.begin() + 20);
  settle();
  EXPECT_TRUE(strictly_falling(61));
}

TEST_F(Levels, NoneIsFine) {
  start(0);
  EXPECT_TRUE(levels().empty());
}

// What a move costs over a long time: changes of levels in each, at most.
struct Cost {
  std::size_t vcpus;
  double to_the_end;  // jobs of one period end one after the other
  double anywhere;
};

class MovesCost : public Levels, public testing::WithParamInterface<Cost> {
 protected:
  // The first goes to where `to` says.
  template <typename To>
  double changes(To to) {
    const std::size_t n = GetParam().vcpus;
    start(n);
    std::size_t changes = 0;
    constexpr int kMoves = 5'000;
    for (int i = 0; i < kMoves; ++i) {
      changes += move(0, to(n));
      EXPECT_TRUE(strictly_falling(n <= 61 ? n : 20));
    }
    return static_cast<double>(changes) / kMoves;
  }
};

TEST_P(MovesCost, FromTheFirstPlaceToTheLast) {
  EXPECT_LE(changes([](std::size_t n) { return n - 1; }), GetParam().to_the_end);
}

TEST_P(MovesCost, FromTheFirstPlaceToAnyOther) {
  std::uint64_t random = 1;
  EXPECT_LE(changes([&](std::size_t n) {
              random = random * 6364136223846793005u + 1442695040888963407u;
              return (random >> 33) % n;
            }),
            GetParam().anywhere);
}

INSTANTIATE_TEST_SUITE_P(Levels, MovesCost,
                         testing::Values(Cost{4, 1.1, 1.1}, Cost{8, 1.3, 1.7}, Cost{16, 1.7, 2.6},
                                         Cost{32, 3.1, 6}, Cost{48, 8.6, 11}, Cost{61, 61, 32},
                                         Cost{100, 3, 3.6}, Cost{2'000, 3, 3.1}),
                         [](const auto& tested) { return std::to_string(tested.param.vcpus); });

}  // namespace
}  // namespace candor::sched
