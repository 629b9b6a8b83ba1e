// The claims of one processor in their order: a treap (Seidel and Aragon 1996) of nodes that are parts of
// the claims, with sums and minima over each subtree, so that what holds for all claims, or all before
// one, is known without visiting them. They are made up when they are asked for: the changes of a decision
// share most of their ways to the root. Its random weights come from a generator of its own with a fixed
// seed: no guest can choose them, and any run can be replayed.
//
// Costs: n claims; O(log n) expected where it says log, constant otherwise. Nothing allocates.
#pragma once

#include <cstdint>
#include <limits>

#include "sched/look.h"
#include "sched/standing.h"

namespace candor::sched {

/// Its parts are in the sequence in which they are needed: a search looks at the first cache line only.
struct alignas(64) OrderNode {
  Standing standing;  // the owner's, set while the node is in no tree
  OrderNode *left = nullptr, *right = nullptr;

  // Over its subtree.
  struct Sums {
    Duration uses, in_turn = kForever, within = kForever;
    Time at = Time::never(), moment = Time::never();
  };
  std::uint32_t weight = 0;
  bool leads = false;         // counts for rank() and leader_before(): OrderTree::lead()
  bool summed = false;        // if not, neither are those above it
  std::uint32_t leaders = 0;  // in its subtree
  OrderNode* parent = nullptr;
  Sums sums;

  Look look;                       // the owner's, as the next two
  Time overtaken = Time::never();  // a look besides: the claim behind it then comes before it
  Time moment = Time::never();     // the owner wants to see it then: due()
  OrderNode *previous = nullptr, *next = nullptr;
};

class OrderTree {
 public:
  /// Where its standing puts it at `now`: log. All others must be in their order at that time.
  void insert(OrderNode& node, Time now);
  /// Log. Its `previous` and `next` stay what they were.
  void erase(OrderNode& node);
  /// After a change of anything else of the owner's: log.
  void update(OrderNode& node);
  /// Whether a node counts as a leader, in the tree or not: log.
  void lead(OrderNode& node, bool leads);

  [[nodiscard]] OrderNode* first() const { return first_; }
  /// The last node before this that leads, or null: log.
  [[nodiscard]] OrderNode* leader_before(const OrderNode& node) const;
  /// How many nodes lead, up to this one, itself included: log.
  [[nodiscard]] std::uint32_t rank(const OrderNode& node) const;
  /// What the looks of all before this one use: log.
  [[nodiscard]] Duration uses_before(const OrderNode& node) const;
  /// What the looks of all use: as look().
  [[nodiscard]] Duration uses() const;
  /// The earliest look of all, after a decision at `decided`; never() if there is none. Log for each change
  /// since the last, at most.
  [[nodiscard]] Time look(Time decided) const;

  /// Calls see(node) for each whose moment is not after `now`: log for each. see() must not change the tree.
  template <typename See>
  void due(Time now, See see) const {
    if (root_ == nullptr) return;
    sum_up(*root_);
    visit_due(root_, now, see);
  }

 private:
  template <typename See>
  static void visit_due(OrderNode* node, Time now, See& see) {
    if (node == nullptr || node->sums.moment > now) return;
    visit_due(node->left, now, see);
    if (node->moment <= now) see(*node);
    visit_due(node->right, now, see);
  }
  static void sum_up(OrderNode& node);
  void replace_child(OrderNode* parent, OrderNode* child, OrderNode* by);
  void rotate_up(OrderNode& node);

  OrderNode* root_ = nullptr;
  OrderNode* first_ = nullptr;
  std::uint32_t random_ = 2463534242;  // never 0
};

}  // namespace candor::sched
