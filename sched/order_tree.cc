#include "sched/order_tree.h"

namespace candor::sched {
namespace {

constexpr OrderNode::Sums kNothing{};

const OrderNode::Sums& sums_of(const OrderNode* node) {
  return node == nullptr ? kNothing : node->sums;
}

void add_up(OrderNode& n) {
  const OrderNode::Sums& left = sums_of(n.left);
  const OrderNode::Sums& right = sums_of(n.right);
  const Duration through = left.uses + n.look.uses;
  n.sums.uses = through + right.uses;
  n.sums.in_turn = std::min({left.in_turn, left.uses + n.look.in_turn, through + right.in_turn});
  n.sums.within = std::min({left.within, n.look.within, right.within});
  n.sums.at = std::min({left.at, n.look.at, n.overtaken, right.at});
  n.sums.moment = std::min({left.moment, n.moment, right.moment});
  n.sums.leaders = left.leaders + (n.leads ? 1 : 0) + right.leaders;
}

void add_up_from(OrderNode* node) {
  for (; node != nullptr; node = node->parent) add_up(*node);
}

OrderNode* last_leader(OrderNode* node) {
  for (;;) {
    if (sums_of(node->right).leaders > 0)
      node = node->right;
    else if (node->leads)
      return node;
    else
      node = node->left;
  }
}

}  // namespace

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
}

void OrderTree::insert(OrderNode& node, Time now) {
  random_ ^= random_ << 13;  // xorshift (Marsaglia 2003)
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  node.weight = random_;
  node.parent = node.left = node.right = node.previous = node.next = nullptr;
  OrderNode** link = &root_;
  while (*link != nullptr) {
    node.parent = *link;
    const bool is_before = precedes(node.standing, node.parent->standing, now);
    (is_before ? node.next : node.previous) = node.parent;
    link = is_before ? &node.parent->left : &node.parent->right;
  }
  *link = &node;
  (node.previous == nullptr ? first_ : node.previous->next) = &node;
  if (node.next != nullptr) node.next->previous = &node;
  while (node.parent != nullptr && node.parent->weight < node.weight) {
    OrderNode& below = *node.parent;
    rotate_up(node);
    add_up(below);
  }
  add_up_from(&node);
}

void OrderTree::erase(OrderNode& node) {
  while (node.left != nullptr || node.right != nullptr) {
    const bool left =
        node.right == nullptr || (node.left != nullptr && node.left->weight > node.right->weight);
    rotate_up(left ? *node.left : *node.right);
  }
  // What has been rotated is on this path.
  replace_child(node.parent, &node, nullptr);
  add_up_from(node.parent);
  (node.previous == nullptr ? first_ : node.previous->next) = node.next;
  if (node.next != nullptr) node.next->previous = node.previous;
}

void OrderTree::update(OrderNode& node) {
  add_up_from(&node);
}

OrderNode* OrderTree::leader_before(const OrderNode& node) const {
  if (node.previous != nullptr && node.previous->leads) return node.previous;
  const OrderNode* from = node.right;  // as if it had come up from there
  for (const OrderNode* at = &node; at != nullptr; from = at, at = at->parent) {
    if (at->left == from && from != nullptr) continue;  // `at` comes after it
    if (at != &node && at->leads) return const_cast<OrderNode*>(at);
    if (sums_of(at->left).leaders > 0) return last_leader(at->left);
  }
  return nullptr;
}

std::uint32_t OrderTree::rank(const OrderNode& node) const {
  std::uint32_t rank = node.leads ? 1 : 0;
  rank += sums_of(node.left).leaders;
  for (const OrderNode* at = &node; at->parent != nullptr; at = at->parent)
    if (at->parent->right == at) rank += sums_of(at->parent->left).leaders + (at->parent->leads ? 1 : 0);
  return rank;
}

Duration OrderTree::uses_before(const OrderNode& node) const {
  Duration uses = sums_of(node.left).uses;
  for (const OrderNode* at = &node; at->parent != nullptr; at = at->parent)
    if (at->parent->right == at) uses += sums_of(at->parent->left).uses + at->parent->look.uses;
  return uses;
}

Time OrderTree::look(Time decided) const {
  if (root_ == nullptr) return Time::never();
  const OrderNode::Sums& all = root_->sums;
  return Look{.at = all.at, .within = all.within, .in_turn = all.in_turn}.by(decided, {});
}

}  // namespace candor::sched
