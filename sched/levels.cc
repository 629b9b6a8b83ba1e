#include "sched/levels.h"

namespace candor::sched {

void LevelTable::give(Levelled& v, int level) {
  if (v.level == level) return;
  v.level = level;
  if (v.noted) return;
  v.noted = true;
  changed_->push_back(&v);
}

void LevelTable::place(Levelled& v, Levelled* after) {
  v.previous = after;
  v.next = after == nullptr ? first_ : after->next;
  (after == nullptr ? first_ : after->next) = &v;
  if (v.next != nullptr) v.next->previous = &v;

  const bool at_border = v.next != nullptr && v.next->shares;
  v.shares = (after != nullptr && after->shares) || (at_border && own_ >= most());
  if (v.shares) {
    ++shared_;
    return give(v, range_.lowest);
  }
  ++own_;
  if (after == last_own_) last_own_ = &v;
  while (own_ > room()) share_last();
  if (!v.shares) fit(v);
}

void LevelTable::remove(Levelled& v) {
  --(v.shares ? shared_ : own_);
  if (last_own_ == &v) last_own_ = v.previous;
  (v.previous == nullptr ? first_ : v.previous->next) = v.next;
  if (v.next != nullptr) v.next->previous = v.previous;
  v.shares = false;
}

void LevelTable::settle() {
  const int vcpus = own_ + shared_;
  if (vcpus <= range_.count()) return own_up_to(vcpus);
  while (own_ > most()) share_last();
  own_up_to(least());
}

void LevelTable::share_last() {
  Levelled& v = *last_own_;
  last_own_ = v.previous;
  v.shares = true;
  --own_;
  ++shared_;
  give(v, range_.lowest);
}

void LevelTable::own_up_to(int count) {
  Levelled* v = last_own_ == nullptr ? first_ : last_own_->next;
  for (; v != nullptr && own_ < count; v = v->next) {
    last_own_ = v;
    v->shares = false;
    --shared_;
    ++own_;
    fit(*v);
  }
}

void LevelTable::fit(Levelled& v) {
  const int high = above(v), low = below(v);
  if (low < v.level && v.level < high) return;
  if (high - low <= 1) return spread_around(v);
  if (v.previous != nullptr)
    give(v, high - 1);
  else
    give(v, own_ == 1 ? range_.highest - range_.count() / 8 : low + 1);
}

void LevelTable::spread_around(Levelled& v) {
  Levelled *from = &v, *to = &v;
  int members = 1, free = above(v) - below(v) - 1 - members;
  while (free < 0 || free * 3 * own_ < members * (room() - own_)) {
    Levelled* const up = from->previous;
    Levelled* const down = to == last_own_ ? nullptr : to->next;
    // Towards more room.
    if (up != nullptr && (down == nullptr || above(*up) - above(*from) >= below(*to) - below(*down)))
      from = up;
    else if (down != nullptr)
      to = down;
    else
      break;  // not reached: among all of them there is room
    ++members;
    free = above(*from) - below(*to) - 1 - members;
  }
  const int high = above(*from);
  const int between = to == last_own_ ? free - free / 2 : free;
  int n = 0;
  for (Levelled* w = from;; w = w->next) {
    ++n;
    give(*w, high - n - between * n / (members + 1));
    if (w == to) return;
  }
}

}  // namespace candor::sched
