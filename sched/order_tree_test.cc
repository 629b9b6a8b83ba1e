#include "sched/order_tree.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <random>
#include <vector>

#include "sched/seeded_test.h"

namespace candor::sched {
namespace {

// A tree, and the same nodes in a vector.
class OrderPair {
 public:
  OrderPair(OrderBlocks& blocks, std::size_t nodes, std::uint32_t seed)
      : tree_(blocks), nodes_(nodes), random_(seed) {
    for (OrderNode& n : nodes_) out_.push_back(&n);
  }

  [[nodiscard]] std::size_t size() const { return order_.size(); }

  // Which ends nodes come to and go from, and how often they come rather than go.
  void next_mood() { comes_ = any(4), goes_ = any(4), come_percent_ = std::vector{10, 50, 90}[any(3)]; }

  void change() {
    if (any(8) == 0) pass_time();
    const bool come = order_.empty() || (!out_.empty() && any(100) < come_percent_);
    if (come)
      insert(any(out_.size()));
    else
      erase(goes_ == 0 ? 0 : goes_ == 1 ? order_.size() - 1 : any(order_.size()));
    if (order_.empty()) return;
    if (any(2) == 0) nudge(any(order_.size()));
    if (any(3) == 0) {
      OrderNode& n = *order_[any(order_.size())];
      set_others(n);
      tree_.update(n);
    }
    OrderNode& led = nodes_[any(nodes_.size())];
    if (any(3) == 0) OrderTree::lead(led, any(4) == 0);
  }

  void empty() {
    while (!order_.empty()) erase(any(order_.size()));
  }

  // What is told of all, and of one of them.
  void check() {
    RC_ASSERT(tree_.first() == (order_.empty() ? nullptr : order_.front()));
    Duration uses{}, in_turn = kForever, within = kForever;
    Time at = Time::never();
    std::vector<OrderNode*> due, seen;
    OrderNode *leader = nullptr, *one = order_.empty() ? nullptr : order_[any(order_.size())];
    std::uint32_t rank = 0;
    for (OrderNode* n : order_) {
      if (n->moment <= now_) due.push_back(n);
      if (n == one) {
        RC_ASSERT(tree_.uses_before(*n) == uses);
        RC_ASSERT(OrderTree::leader_before(*n) == leader);
        RC_ASSERT(OrderTree::rank(*n) == rank + (n->leads ? 1 : 0));
      }
      if (n->leads) leader = n, ++rank;
      in_turn = std::min(in_turn, uses + n->look.in_turn);
      within = std::min(within, n->look.within);
      at = std::min({at, n->look.at, n->overtaken});
      uses += n->look.uses;
    }
    RC_ASSERT(tree_.uses() == uses);
    RC_ASSERT(tree_.look(now_) == (Look{.at = at, .within = within, .in_turn = in_turn}.by(now_, {})));
    tree_.due(now_, [&](OrderNode& n) { seen.push_back(&n); });
    RC_ASSERT(seen == due);
  }

  void check_links() const {
    OrderNode* previous = nullptr;
    OrderNode* at = tree_.first();
    for (OrderNode* n : order_) {
      RC_ASSERT(at == n);
      RC_ASSERT(n->previous == previous);
      previous = n;
      at = n->next;
    }
    RC_ASSERT(at == nullptr);
  }

 private:
  std::size_t any(std::size_t below) { return random_() % below; }
  Time around_now() { return now_ + Duration{static_cast<std::int64_t>(any(60)) - 20}; }

  void set_others(OrderNode& n) {
    n.look = {};
    if (any(3) == 0) n.look.at = around_now();
    if (any(3) == 0) n.look.within = microseconds(static_cast<std::int64_t>(any(2000)));
    if (any(3) == 0) n.look.in_turn = microseconds(static_cast<std::int64_t>(any(2000)));
    if (any(2) == 0) n.look.uses = microseconds(static_cast<std::int64_t>(any(100)));
    n.overtaken = any(3) == 0 ? around_now() : Time::never();
    n.moment = any(9) == 0 ? around_now() : any(2) == 0 ? now_ + seconds(1) : Time::never();
  }

  void insert(std::size_t index) {
    OrderNode* n = out_[index];
    out_.erase(out_.begin() + static_cast<std::ptrdiff_t>(index));
    n->standing = {.band = comes_ == 0   ? 0
                           : comes_ == 1 ? 9
                                         : 1 + any(3),
                   .deadline = any(5) == 0 ? Time{0} : around_now(),
                   .remaining = Duration{static_cast<std::int64_t>(any(3))},
                   .vm = static_cast<VmId>(n - nodes_.data())};
    if (any(3) == 0) n->standing.floats = Duration{static_cast<std::int64_t>(any(30))};
    set_others(*n);
    put_in(n);
  }
  void put_in(OrderNode* n) {
    tree_.insert(*n, now_);
    const auto behind = std::find_if(order_.begin(), order_.end(), [&](const OrderNode* o) {
      return precedes(n->standing, o->standing, now_);
    });
    order_.insert(behind, n);
  }
  void erase(std::size_t place) {
    out_.push_back(order_[place]);
    tree_.erase(*order_[place]);
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(place));
  }

  // To about where it was.
  void nudge(std::size_t place) {
    OrderNode* n = order_[place];
    erase(place);
    out_.pop_back();
    n->standing.deadline = n->standing.deadline + Duration{static_cast<std::int64_t>(any(3))};
    put_in(n);
  }

  // What is overtaken by that goes, and comes back.
  void pass_time() {
    now_ = now_ + Duration{static_cast<std::int64_t>(any(any(4) == 0 ? 60 : 6))};
    const std::size_t had = out_.size();
    for (std::size_t i = order_.size(); i-- > 1;)
      if (i < order_.size() && !precedes(order_[i - 1]->standing, order_[i]->standing, now_)) erase(i - 1);
    while (out_.size() > had) {
      OrderNode* n = out_.back();
      out_.pop_back();
      put_in(n);
    }
  }

  OrderTree tree_;
  std::vector<OrderNode> nodes_;
  std::vector<OrderNode*> order_, out_;
  std::mt19937 random_;
  Time now_{seconds(1).ns};
  std::size_t comes_ = 2, goes_ = 2, come_percent_ = 90;
};

// Whatever comes and goes where: blocks split, join, share, and are as many as their memory is for.
TEST(OrderTree, SaysWhatAVectorSays) {
  std::size_t largest = 0;
  holds("order tree", [&]() {
    const auto most = *rc::gen::element<std::size_t>(1, 8, 16, 17, 40, 120, 400);
    OrderBlocks blocks(2 * most, 2);
    const std::size_t spare = blocks.spare();
    OrderPair first(blocks, most, *rc::gen::arbitrary<std::uint32_t>());
    OrderPair second(blocks, most, *rc::gen::arbitrary<std::uint32_t>());
    const std::size_t mood = 100 + 2 * most;  // long enough for the first to fill it
    for (std::size_t step = 1; step < 5 * mood; ++step) {
      OrderPair& pair = step % 3 == 0 ? second : first;
      if (step % mood == 0) first.next_mood(), second.next_mood();
      pair.change();
      if (step % (1 + most / 50) == 0) pair.check();  // each time costs as many steps
      if (step % 16 == 0) pair.check_links();
      const auto at_most = [](std::size_t nodes) { return nodes / 3 + std::min<std::size_t>(nodes, 1); };
      RC_ASSERT(spare - blocks.spare() <= at_most(first.size()) + at_most(second.size()));
      largest = std::max(largest, first.size());
    }
    first.empty();
    first.check();
    second.check();
    second.empty();
    RC_ASSERT(blocks.spare() == spare);
  });
  EXPECT_GT(largest, 256u) << "no three storeys";
}

}  // namespace
}  // namespace candor::sched
