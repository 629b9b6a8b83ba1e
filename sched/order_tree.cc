#include "sched/order_tree.h"

#include <algorithm>

namespace candor::sched {
namespace {

constexpr int kMost = OrderPlaces::kMost;
constexpr int kLeast = kMost / 4;  // in all but the uppermost: see OrderBlocks()
// Blocks are joined with fewer parts than one could have, so that it does not split again at once.
constexpr int kJoined = kMost * 3 / 4;

using Entry = OrderBlock::Entry;

OrderPart& part_at(const OrderBlock& block, int place) {
  return *block.parts[block.places.slot(place)];
}

OrderBlock& block_at(const OrderBlock& above, int place) {
  return static_cast<OrderBlock&>(part_at(above, place));
}

int place_of(const OrderPart& part) {
  return part.in->places.place(part.slot);
}

const Standing& first_standing(const OrderBlock& block, int place) {
  const OrderBlock* in = &block;
  for (; in->of_blocks; place = 0) in = &block_at(*in, place);
  return static_cast<const OrderNode&>(part_at(*in, place)).standing;
}

// How many parts begin before that.
int parts_before(const OrderBlock& block, const Standing& s, Time now) {
  // As one number: compilers compare these without a branch.
  const auto key = [now](std::uint64_t band, Time deadline, Duration floats) {
    const std::int64_t due = std::max(deadline.ns, now.ns + floats.ns);
    return static_cast<unsigned __int128>(band) << 64 | static_cast<std::uint64_t>(due);
  };
  const auto own = key(s.band, s.deadline, s.floats);
  int before = 0;
  block.places.each([&](int slot) {
    const Entry& e = block.entries[slot];
    before += key(e.band, e.deadline, e.floats) < own ? 1 : 0;
  });
  while (before < block.places.count() && precedes(first_standing(block, before), s, now)) ++before;  // ties
  return before;
}

void set_standing(Entry& entry, const Standing& s) {
  entry.band = s.band;
  entry.deadline = s.deadline;
  entry.floats = s.floats;
}

OrderSums sums_of(const OrderNode& n) {
  return {.uses = n.look.uses,
          .in_turn = n.look.in_turn,
          .within = n.look.within,
          .at = std::min(n.look.at, n.overtaken),
          .moment = n.moment};
}

// The block has a free slot. Returns the part's entry.
Entry& put(OrderBlock& block, int place, OrderPart& part, std::uint32_t leaders) {
  const int slot = block.places.insert(place);
  part.in = &block;
  part.slot = slot;
  block.parts[slot] = &part;
  block.leaders[slot] = leaders;
  if (block.of_blocks) block.stale |= 1u << slot;
  return block.entries[slot];
}

void take_out(const OrderPart& part) {
  part.in->stale &= ~(1u << part.slot);
  part.in->places.erase(place_of(part));
}

void move_part(OrderBlock& from, int place, OrderBlock& to, int to_place) {
  OrderPart& part = part_at(from, place);
  const int slot = part.slot;
  take_out(part);
  put(to, to_place, part, from.leaders[slot]) = from.entries[slot];
}

// Of its entry in the block above: its first part is another.
void restate_first(const OrderBlock& block) {
  const Entry& first = block.entries[block.places.slot(0)];
  Entry& entry = block.in->entries[block.slot];
  entry.band = first.band;
  entry.deadline = first.deadline;
  entry.floats = first.floats;
}

// Parts have come or gone.
void restate(const OrderBlock& block) {
  restate_first(block);
  std::uint32_t leaders = 0;
  block.places.each([&](int slot) { leaders += block.leaders[slot]; });
  block.in->leaders[block.slot] = leaders;
  block.in->stale |= 1u << block.slot;
}

void add_leaders(const OrderPart& part, std::uint32_t more) {
  for (const OrderPart* at = &part; at->in != nullptr; at = at->in) at->in->leaders[at->slot] += more;
}

}  // namespace

OrderBlocks::OrderBlocks(std::size_t nodes, std::size_t trees)
    : blocks_(nodes / (kLeast - 1) + std::min(nodes, trees)) {
  spare_.reserve(blocks_.size());
  for (OrderBlock& block : blocks_) give(block);
}

OrderBlock& OrderBlocks::take(bool of_blocks) {
  OrderBlock& block = *spare_.back();
  spare_.pop_back();
  block.in = nullptr;
  block.of_blocks = of_blocks;
  block.stale = 0;
  block.places = {};
  return block;
}

// As deep as the tree.
void OrderTree::sum_up(OrderBlock& block, OrderSums& sums) {
  for (; block.stale != 0; block.stale &= block.stale - 1) {
    const int slot = __builtin_ctz(block.stale);
    sum_up(static_cast<OrderBlock&>(*block.parts[slot]), block.entries[slot].sums);
  }
  // Numbers by value: compilers keep these in registers.
  const OrderSums none;
  std::int64_t uses = 0, in_turn = none.in_turn.ns, within = none.within.ns, at = none.at.ns,
               moment = none.moment.ns;
  const auto least = [](std::int64_t a, std::int64_t b) { return b < a ? b : a; };
  block.places.each([&](int slot) {
    const OrderSums& one = block.entries[slot].sums;
    in_turn = least(in_turn, uses + one.in_turn.ns);
    uses += one.uses.ns;
    within = least(within, one.within.ns);
    at = least(at, one.at.ns);
    moment = least(moment, one.moment.ns);
  });
  sums = {.uses = {uses}, .in_turn = {in_turn}, .within = {within}, .at = {at}, .moment = {moment}};
}

const OrderSums& OrderTree::sums() const {
  if (summed_) return sums_;
  summed_ = true;
  if (root_ == nullptr)
    sums_ = {};
  else
    sum_up(*root_, sums_);
  return sums_;
}

// Of all that the part is in. What is stale already is in what is.
void OrderTree::forget_sums(const OrderPart& part) {
  summed_ = false;
  for (const OrderBlock* at = part.in; at->in != nullptr; at = at->in) {
    const std::uint32_t bit = 1u << at->slot;
    if ((at->in->stale & bit) != 0) return;
    at->in->stale |= bit;
  }
}

// The root is full.
void OrderTree::grow() {
  OrderBlock& below = *root_;
  root_ = &blocks_->take(true);
  put(*root_, 0, below, 0);
  split(below);
}

// The block is full, that above it is not.
void OrderTree::split(OrderBlock& block) {
  OrderBlock& right = blocks_->take(block.of_blocks);
  for (int i = 0; i < kMost / 2; ++i) move_part(block, block.places.count() - 1, right, 0);
  put(*block.in, place_of(block) + 1, right, 0);
  restate(block);
  restate(right);
}

void OrderTree::insert(OrderNode& node, Time now) {
  if (root_ == nullptr) root_ = &blocks_->take(false);
  if (root_->places.count() == kMost) grow();
  OrderBlock* block = root_;
  int place = 0;
  for (;;) {
    place = parts_before(*block, node.standing, now);
    if (!block->of_blocks) break;
    const bool is_first = place == 0;
    OrderBlock& below = block_at(*block, is_first ? 0 : place - 1);
    if (below.places.count() == kMost) {  // on the way down, so that there is room for the other half
      split(below);
      continue;
    }
    if (is_first) set_standing(block->entries[below.slot], node.standing);
    block->leaders[below.slot] += node.leads ? 1 : 0;
    block->stale |= 1u << below.slot;
    block = &below;
  }
  summed_ = false;
  // Only the first of all comes before all of the block that is found for it.
  node.previous = place == 0 ? nullptr : static_cast<OrderNode*>(&part_at(*block, place - 1));
  node.next = node.previous == nullptr ? first_ : node.previous->next;
  (node.previous == nullptr ? first_ : node.previous->next) = &node;
  if (node.next != nullptr) node.next->previous = &node;
  Entry& entry = put(*block, place, node, node.leads ? 1 : 0);
  set_standing(entry, node.standing);
  entry.sums = sums_of(node);
}

void OrderTree::erase(OrderNode& node) {
  if (node.leads) add_leaders(node, ~0u);
  forget_sums(node);
  OrderBlock& block = *node.in;
  const bool was_first = place_of(node) == 0;
  take_out(node);
  node.in = nullptr;
  (node.previous == nullptr ? first_ : node.previous->next) = node.next;
  if (node.next != nullptr) node.next->previous = node.previous;
  if (was_first) {
    for (const OrderBlock* at = &block; at->in != nullptr; at = at->in) {
      restate_first(*at);
      if (place_of(*at) != 0) break;
    }
  }
  balance(block);
}

// A block has lost a part: where too few are left, its neighbour's are joined with them or shared.
void OrderTree::balance(OrderBlock& block) {
  OrderBlock* at = &block;
  for (; at != root_ && at->places.count() < kLeast; at = at->in) {
    const int place = std::max(place_of(*at) - 1, 0);
    OrderBlock &left = block_at(*at->in, place), &right = block_at(*at->in, place + 1);
    const int parts = left.places.count() + right.places.count();
    const int wanted = parts <= kJoined ? parts : parts / 2;
    while (left.places.count() < wanted) move_part(right, 0, left, left.places.count());
    while (left.places.count() > wanted) move_part(left, left.places.count() - 1, right, 0);
    restate(left);
    if (wanted < parts) {
      restate(right);
      return;
    }
    take_out(right);
    blocks_->give(right);
    at = &left;
  }
  if (root_->places.count() > (root_->of_blocks ? 1 : 0)) return;
  blocks_->give(*root_);
  root_ = root_->of_blocks ? &block_at(*root_, 0) : nullptr;
  if (root_ != nullptr) root_->in = nullptr;
}

void OrderTree::update(OrderNode& node) {
  node.in->entries[node.slot].sums = sums_of(node);
  forget_sums(node);
}

void OrderTree::lead(OrderNode& node, bool leads) {
  if (node.leads == leads) return;
  node.leads = leads;
  add_leaders(node, leads ? 1 : ~0u);
}

OrderNode* OrderTree::leader_before(const OrderNode& node) {
  if (node.previous == nullptr || node.previous->leads) return node.previous;
  for (const OrderPart* at = &node; at->in != nullptr; at = at->in) {
    const OrderBlock* block = at->in;
    for (int place = place_of(*at) - 1; place >= 0; --place) {
      if (block->leaders[block->places.slot(place)] == 0) continue;
      while (block->of_blocks) {
        block = &block_at(*block, place);
        place = block->places.count() - 1;
        while (block->leaders[block->places.slot(place)] == 0) --place;
      }
      return static_cast<OrderNode*>(&part_at(*block, place));
    }
  }
  return nullptr;
}

std::uint32_t OrderTree::rank(const OrderNode& node) {
  std::uint32_t rank = node.leads ? 1 : 0;
  for (const OrderPart* at = &node; at->in != nullptr; at = at->in)
    for (int place = place_of(*at); place-- > 0;) rank += at->in->leaders[at->in->places.slot(place)];
  return rank;
}

Duration OrderTree::uses_before(const OrderNode& node) const {
  (void)sums();
  Duration uses;
  for (const OrderPart* at = &node; at->in != nullptr; at = at->in)
    for (int place = place_of(*at); place-- > 0;)
      uses += at->in->entries[at->in->places.slot(place)].sums.uses;
  return uses;
}

Time OrderTree::look(Time decided) const {
  const OrderSums& all = sums();
  return Look{.at = all.at, .within = all.within, .in_turn = all.in_turn}.by(decided, {});
}

}  // namespace candor::sched
