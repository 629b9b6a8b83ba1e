#include "sched/order_tree.h"

namespace candor::sched {
namespace {

// In any order.
inline void add(OrderNode::Sums& sums, const OrderNode::Sums& other) {
  sums.uses += other.uses;
  sums.within = std::min(sums.within, other.within);
  sums.at = std::min(sums.at, other.at);
  sums.moment = std::min(sums.moment, other.moment);
}

std::uint32_t leaders_of(const OrderNode* node) {
  return node == nullptr ? 0 : node->leaders;
}

OrderNode* last_leader(OrderNode* node) {
  for (;;) {
    if (leaders_of(node->right) > 0)
      node = node->right;
    else if (node->leads)
      return node;
    else
      node = node->left;
  }
}

}  // namespace

// Post-order: as deep as the tree.
void OrderTree::sum_up(OrderNode& n) {
  if (n.summed) return;
  n.summed = true;
  OrderNode::Sums sums{.uses = n.look.uses,
                       .in_turn = n.look.in_turn,
                       .within = n.look.within,
                       .at = std::min(n.look.at, n.overtaken),
                       .moment = n.moment};
  if (n.left != nullptr) {
    sum_up(*n.left);
    sums.in_turn = std::min(n.left->sums.in_turn, n.left->sums.uses + sums.in_turn);
    add(sums, n.left->sums);
  }
  if (n.right != nullptr) {
    sum_up(*n.right);
    sums.in_turn = std::min(sums.in_turn, sums.uses + n.right->sums.in_turn);
    add(sums, n.right->sums);
  }
  n.sums = sums;
}

void OrderTree::replace_child(OrderNode* parent, OrderNode* child, OrderNode* by) {
  if (parent == nullptr)
    root_ = by;
  else if (parent->left == child)
    parent->left = by;
  else
    parent->right = by;
  if (by != nullptr) by->parent = parent;
}

void OrderTree::rotate_up(OrderNode& node) {
  OrderNode& parent = *node.parent;
  replace_child(parent.parent, &parent, &node);
  const bool was_left = parent.left == &node;
  OrderNode*& inner = was_left ? node.right : node.left;
  (was_left ? parent.left : parent.right) = inner;
  if (inner != nullptr) inner->parent = &parent;
  inner = &parent;
  parent.parent = &node;
  node.leaders = parent.leaders;
  parent.leaders = leaders_of(parent.left) + (parent.leads ? 1 : 0) + leaders_of(parent.right);
  node.summed = false;
}

void OrderTree::insert(OrderNode& node, Time now) {
  random_ ^= random_ << 13;  // xorshift (Marsaglia 2003)
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  node.weight = random_;
  node.parent = node.left = node.right = node.previous = node.next = nullptr;
  node.leaders = node.leads ? 1 : 0;
  node.summed = false;
  OrderNode** link = &root_;
  while (*link != nullptr) {
    node.parent = *link;
    node.parent->leaders += node.leaders;
    node.parent->summed = false;
    const bool is_before = precedes(node.standing, node.parent->standing, now);
    (is_before ? node.next : node.previous) = node.parent;
    link = is_before ? &node.parent->left : &node.parent->right;
  }
  *link = &node;
  (node.previous == nullptr ? first_ : node.previous->next) = &node;
  if (node.next != nullptr) node.next->previous = &node;
  while (node.parent != nullptr && node.parent->weight < node.weight) rotate_up(node);
}

void OrderTree::erase(OrderNode& node) {
  while (node.left != nullptr || node.right != nullptr) {
    const bool left =
        node.right == nullptr || (node.left != nullptr && node.left->weight > node.right->weight);
    rotate_up(left ? *node.left : *node.right);
  }
  // What has been rotated is on this path.
  for (OrderNode* above = node.parent; above != nullptr; above = above->parent) {
    above->leaders -= node.leads ? 1 : 0;
    above->summed = false;
  }
  replace_child(node.parent, &node, nullptr);
  node.parent = nullptr;
  (node.previous == nullptr ? first_ : node.previous->next) = node.next;
  if (node.next != nullptr) node.next->previous = node.previous;
}

void OrderTree::update(OrderNode& node) {
  for (OrderNode* at = &node; at != nullptr && at->summed; at = at->parent) at->summed = false;
}

void OrderTree::lead(OrderNode& node, bool leads) {
  if (node.leads == leads) return;
  node.leads = leads;
  for (OrderNode* at = &node; at != nullptr; at = at->parent) at->leaders += leads ? 1 : ~0u;
}

OrderNode* OrderTree::leader_before(const OrderNode& node) const {
  if (node.previous != nullptr && node.previous->leads) return node.previous;
  const OrderNode* from = node.right;  // as if it had come up from there
  for (const OrderNode* at = &node; at != nullptr; from = at, at = at->parent) {
    if (at->left == from && from != nullptr) continue;  // `at` comes after it
    if (at != &node && at->leads) return const_cast<OrderNode*>(at);
    if (leaders_of(at->left) > 0) return last_leader(at->left);
  }
  return nullptr;
}

std::uint32_t OrderTree::rank(const OrderNode& node) const {
  std::uint32_t rank = node.leads ? 1 : 0;
  rank += leaders_of(node.left);
  for (const OrderNode* at = &node; at->parent != nullptr; at = at->parent)
    if (at->parent->right == at) rank += leaders_of(at->parent->left) + (at->parent->leads ? 1 : 0);
  return rank;
}

Duration OrderTree::uses() const {
  if (root_ == nullptr) return {};
  sum_up(*root_);
  return root_->sums.uses;
}

Duration OrderTree::uses_before(const OrderNode& node) const {
  sum_up(*root_);
  Duration uses = node.left == nullptr ? Duration{} : node.left->sums.uses;
  for (const OrderNode* at = &node; at->parent != nullptr; at = at->parent)
    if (const OrderNode* above = at->parent; above->right == at)
      uses += (above->left == nullptr ? Duration{} : above->left->sums.uses) + above->look.uses;
  return uses;
}

Time OrderTree::look(Time decided) const {
  if (root_ == nullptr) return Time::never();
  sum_up(*root_);
  const OrderNode::Sums& all = root_->sums;
  return Look{.at = all.at, .within = all.within, .in_turn = all.in_turn}.by(decided, {});
}

}  // namespace candor::sched
