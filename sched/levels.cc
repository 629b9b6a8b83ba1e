#include "sched/levels.h"

#include <algorithm>
#include <array>

namespace candor::sched {
namespace {

// Assigns strictly falling levels within [lowest, highest]; size <= range.count().
void assign_distinct(std::span<int> levels, int lowest, int highest) {
  const int n = static_cast<int>(levels.size());
  if (n == 0) return;
  // Entry i may keep its level if the i before it and the n-1-i after it find
  // room, and two keepers i < j if the entries between them do. With
  // key = level + i both say: keys must not rise. So: the longest
  // non-rising subsequence, by dynamic programming from the end.
  std::array<int, 128> length;
  std::array<int, 128> next;
  const auto key = [&](int i) { return levels[static_cast<std::size_t>(i)] + i; };
  const auto eligible = [&](int i) { return key(i) <= highest && key(i) >= lowest + n - 1; };
  int best = -1;
  for (int i = n - 1; i >= 0; --i) {
    const auto u = static_cast<std::size_t>(i);
    length[u] = eligible(i) ? 1 : 0;
    next[u] = -1;
    if (length[u] == 0) continue;
    for (int j = i + 1; j < n; ++j) {
      const auto w = static_cast<std::size_t>(j);
      if (length[w] > 0 && key(i) >= key(j) && length[w] + 1 > length[u]) {
        length[u] = length[w] + 1;
        next[u] = j;
      }
    }
    if (best < 0 || length[u] >= length[static_cast<std::size_t>(best)]) best = i;
  }
  // Fill the gaps between keepers evenly: room on both sides saves later changes.
  int from = 0;
  int above = highest + 1;
  for (int keep = best;; keep = next[static_cast<std::size_t>(keep)]) {
    const int to = keep < 0 ? n : keep;
    const int below = keep < 0 ? lowest - 1 : levels[static_cast<std::size_t>(keep)];
    const int gap = to - from;
    const int room = above - below - 1;
    for (int k = 0; k < gap; ++k)  // gap <= room, so each step is at least 1
      levels[static_cast<std::size_t>(from + k)] = above - (k + 1) * (room + 1) / (gap + 1);
    if (keep < 0) return;
    from = keep + 1;
    above = below;
  }
}

}  // namespace

void assign_levels(std::span<int> levels, LevelRange range) {
  const std::size_t count = range.count();
  if (levels.size() > kMaxLevelled || count > 99 || count == 0) __builtin_trap();  // a caller's bug
  if (levels.size() <= count) return assign_distinct(levels, range.lowest, range.highest);
  assign_distinct(levels.first(count - 1), range.lowest + 1, range.highest);
  std::fill(levels.begin() + static_cast<std::ptrdiff_t>(count - 1), levels.end(), range.lowest);
}

}  // namespace candor::sched
