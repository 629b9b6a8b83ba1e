// From an order to SCHED_FIFO levels, with few changes: each change is a
// system call, and an order changes little from one event to the next.
//
//  L1  A vCPU that comes before another has a higher level, never the same,
//      as long as there are levels enough.
//  L2  A vCPU keeps the level it has as long as that is right. Where one moves and there is a free level at
//  its
//      new place, it is the only change. Where there is none, the fewest neighbours are spread anew that
//      have together, for each of them, a third as many free levels as there are for each vCPU in all.
//  L3  With more vCPUs than levels, those at the end of the order share the
//      lowest; the kernel then runs them first come, first served. As many as a third of the levels
//      at least have levels of their own, and not all that could: without free levels each move would change
//      dozens.
//
// A free level is taken right below the vCPU before it, and half of what is free is left below the last:
// deadlines move from the front of an order to its end, so that is where levels are needed next. A move
// changes 1.0 to 1.6 levels on average among 8 vCPUs, 1.6 to 2.5 among 16, 2.9 to 6 among 32, up to half of
// all where there are about as many vCPUs as levels, and 2.9 to 3.5 among more; at most all that have levels
// of their own (docs/decisions/0008).
#pragma once

#include <cstddef>
#include <vector>

namespace candor::sched {

/// SCHED_FIFO priorities the scheduler may give out, both included. Above the
/// kernel's lowest, so that ordinary FIFO housekeeping can be placed below, and
/// below candord itself, which must be able to take any rank back.
struct LevelRange {
  int lowest = 10;
  int highest = 70;
  [[nodiscard]] constexpr int count() const { return highest - lowest + 1; }
};

/// A vCPU as the table sees it.
struct Levelled {
  int level = 0;  // 0: none. Stays what it is while the vCPU has no place

  // The table's.
  Levelled *previous = nullptr, *next = nullptr;  // in the order
  bool shares = false;                            // the lowest level (L3)
  bool noted = false;                             // is in `changed`
};

/// The order of one processor's vCPUs and the level of each. Nothing allocates as long as
/// `changed` has room for each vCPU.
class LevelTable {
 public:
  /// Each vCPU whose level changes is added to `changed`, once, unless it is `noted` already.
  LevelTable(LevelRange range, std::vector<Levelled*>& changed) : range_(range), changed_(&changed) {}

  /// Gives `v` its place behind `after` (null: the first) and a level: its own if that is right there.
  /// Visits O(range.count()) vCPUs at most.
  void place(Levelled& v, Levelled* after);
  /// Takes it from its place; it keeps its level.
  void remove(Levelled& v);
  /// The level of a vCPU without a place is to be 0.
  void drop(Levelled& v) { give(v, 0); }
  /// After all changes of an order: L1 and L3 hold again.
  void settle();

 private:
  void give(Levelled& v, int level);
  void fit(Levelled& v);
  void spread_around(Levelled& v);
  void share_last();
  void own_up_to(int count);
  /// How many can have levels of their own.
  [[nodiscard]] int room() const { return range_.count() - (shared_ > 0 ? 1 : 0); }
  /// Of these while some share: at least, and at most where there is a choice.
  [[nodiscard]] int least() const { return range_.count() / 3; }
  [[nodiscard]] int most() const { return (range_.count() + 1) / 2; }
  /// The levels next to it in the order, between which one of its own must lie.
  [[nodiscard]] int above(const Levelled& v) const {
    return v.previous == nullptr ? range_.highest + 1 : v.previous->level;
  }
  [[nodiscard]] int below(const Levelled& v) const {
    if (v.next != nullptr && !v.next->shares) return v.next->level;
    return shared_ > 0 ? range_.lowest : range_.lowest - 1;
  }

  LevelRange range_;
  std::vector<Levelled*>* changed_;
  Levelled* first_ = nullptr;
  Levelled* last_own_ = nullptr;  // those behind it share
  int own_ = 0;
  int shared_ = 0;
};

}  // namespace candor::sched
