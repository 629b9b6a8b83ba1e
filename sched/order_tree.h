// The claims of one processor in their order: a B+ tree (Bayer and McCreight 1972) of nodes that are parts of
// the claims, in blocks of up to 16. With each part of a block are the sums and minima over what is in it, so
// that what holds for all claims, or all before one, is known without visiting them. They are made up when
// they are asked for: the changes of a decision share most of their ways to the root. As many claims as a
// processor mostly has are one block. What is looked for in a block is found by going over it without a
// branch: among so few that is faster than any search, whose steps no processor can foretell.
//
// Costs: n claims; O(log n) where it says log, constant otherwise. Nothing allocates but OrderBlocks().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sched/look.h"
#include "sched/standing.h"

namespace candor::sched {

struct OrderBlock;

/// What a block consists of: nodes, or other blocks.
struct OrderPart {
  OrderBlock* in = nullptr;  // null: a node in no tree, or the block of all
  int slot = 0;              // there
};

struct OrderNode : OrderPart {
  bool leads = false;  // counts for rank() and leader_before(): OrderTree::lead()
  Standing standing;   // the owner's, set while the node is in no tree

  Look look;                       // the owner's, as the next two
  Time overtaken = Time::never();  // a look besides: the claim behind it then comes before it
  Time moment = Time::never();     // the owner wants to see it then: due()
  OrderNode *previous = nullptr, *next = nullptr;
};

/// Which slot of a block is at which place, as 16 digits (Mao, Kohler and Morris 2012): parts come and go and
/// none of the others moves in memory. Behind the places in use are the free slots.
class OrderPlaces {
 public:
  static constexpr int kMost = 16;

  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] int slot(int place) const { return static_cast<int>(slots_ >> (4 * place) & 15); }
  /// Calls see(slot) for each place in use, first place first.
  template <typename See>
  void each(See see) const {
    std::uint64_t slots = slots_;
    for (int i = 0; i < count_; ++i, slots >>= 4) see(static_cast<int>(slots & 15));
  }
  /// Of a slot in use.
  [[nodiscard]] int place(int slot) const {
    constexpr std::uint64_t kOnes = 0x1111'1111'1111'1111;
    const std::uint64_t others = slots_ ^ (kOnes * static_cast<std::uint64_t>(slot));  // 0: that digit
    return __builtin_ctzll((others - kOnes) & ~others & (kOnes * 8)) / 4;
  }
  /// Those from `place` on move up. Returns the slot that is there now. Not if all are in use.
  int insert(int place) {
    const int free = slot(count_);
    slots_ = (slots_ & below(place)) | digit(free, place) | (slots_ & below(count_) & ~below(place)) << 4 |
             (slots_ & ~below(count_) & ~digit(15, count_));
    ++count_;
    return free;
  }
  /// Those behind `place` move down. Its slot is free.
  void erase(int place) {
    const int freed = slot(place);
    --count_;
    slots_ = (slots_ & below(place)) | (slots_ >> 4 & below(count_) & ~below(place)) | digit(freed, count_) |
             (slots_ & ~below(count_) & ~digit(15, count_));
  }

 private:
  static std::uint64_t digit(int value, int place) { return static_cast<std::uint64_t>(value) << 4 * place; }
  static std::uint64_t below(int place) { return digit(1, place) - 1; }  // place < 16

  std::uint64_t slots_ = 0xfedc'ba98'7654'3210;
  int count_ = 0;
};

/// Over what is in a part.
struct OrderSums {
  Duration uses{}, in_turn = kForever, within = kForever;
  Time at = Time::never(), moment = Time::never();
};

struct alignas(64) OrderBlock : OrderPart {
  /// One cache line of each part.
  struct alignas(64) Entry {
    // Of the standing of the first node in it.
    std::uint64_t band = 0;
    Time deadline;
    Duration floats;
    OrderSums sums;
  };
  bool of_blocks = false;   // or of nodes
  std::uint32_t stale = 0;  // bits of slots: the sums of that block are to be made up anew
  OrderPlaces places;
  // By slot.
  std::array<OrderPart*, OrderPlaces::kMost> parts{};
  std::array<std::uint32_t, OrderPlaces::kMost> leaders{};  // in it
  std::array<Entry, OrderPlaces::kMost> entries{};
};

/// The memory of several trees. Outlives them.
class OrderBlocks {
 public:
  /// Enough for so many nodes in so many trees: each block but the uppermost of a tree has 4 parts at least,
  /// so n nodes are in at most n / 4 + n / 16 + ... <= n / 3 blocks and that one.
  OrderBlocks(std::size_t nodes, std::size_t trees);

  OrderBlock& take(bool of_blocks);
  void give(OrderBlock& block) { spare_.push_back(&block); }
  [[nodiscard]] std::size_t spare() const { return spare_.size(); }

 private:
  std::vector<OrderBlock> blocks_;
  std::vector<OrderBlock*> spare_;
};

class OrderTree {
 public:
  explicit OrderTree(OrderBlocks& blocks) : blocks_(&blocks) {}

  /// Where its standing puts it at `now`: log. All others must be in their order at that time.
  void insert(OrderNode& node, Time now);
  /// Log. Its `previous` and `next` stay what they were.
  void erase(OrderNode& node);
  /// After a change of anything else of the owner's: log.
  void update(OrderNode& node);
  /// Whether a node counts as a leader, in the tree or not: log.
  static void lead(OrderNode& node, bool leads);

  [[nodiscard]] OrderNode* first() const { return first_; }
  /// The last node before this that leads, or null: log.
  [[nodiscard]] static OrderNode* leader_before(const OrderNode& node);
  /// How many nodes lead, up to this one, itself included: log.
  [[nodiscard]] static std::uint32_t rank(const OrderNode& node);
  /// What the looks of all before this one use: as look().
  [[nodiscard]] Duration uses_before(const OrderNode& node) const;
  /// What the looks of all use: as look().
  [[nodiscard]] Duration uses() const { return sums().uses; }
  /// The earliest look of all, after a decision at `decided`; never() if there is none. Log for each change
  /// since the last, at most.
  [[nodiscard]] Time look(Time decided) const;

  /// Calls see(node) for each whose moment is not after `now`, in their order: log for each. see() must not
  /// change the tree.
  template <typename See>
  void due(Time now, See see) const {
    if (sums().moment <= now) visit_due(*root_, now, see);
  }

 private:
  template <typename See>
  static void visit_due(const OrderBlock& block, Time now, See& see) {
    std::uint32_t due = 0;  // by place
    int place = 0;
    block.places.each([&](int slot) {
      const std::uint32_t is_due = block.entries[slot].sums.moment.ns <= now.ns ? 1 : 0;
      due |= is_due << place++;
    });
    for (; due != 0; due &= due - 1) {
      OrderPart& part = *block.parts[block.places.slot(__builtin_ctz(due))];
      if (block.of_blocks)
        visit_due(static_cast<OrderBlock&>(part), now, see);
      else
        see(static_cast<OrderNode&>(part));
    }
  }
  static void sum_up(OrderBlock& block, OrderSums& sums);
  [[nodiscard]] const OrderSums& sums() const;
  void forget_sums(const OrderPart& part);
  void grow();
  void split(OrderBlock& block);
  void balance(OrderBlock& block);

  OrderBlocks* blocks_;
  OrderBlock* root_ = nullptr;
  OrderNode* first_ = nullptr;
  mutable OrderSums sums_;
  mutable bool summed_ = true;
};

}  // namespace candor::sched
