#include "guest/pairing_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace candor::kernel {
namespace {

struct KeyedItem {
  int key = 0;
  HeapHook<KeyedItem> hook;
};
struct SmallerKey {
  bool operator()(const KeyedItem& a, const KeyedItem& b) const { return a.key < b.key; }
};
using ItemHeap = PairingHeap<KeyedItem, &KeyedItem::hook, SmallerKey>;

TEST(PairingHeap, TheFirstIsAlwaysTheLeastWhateverIsPutInAndTakenOut) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; round++) {
    std::vector<KeyedItem> items(1 + random() % 200);
    ItemHeap heap;
    std::multiset<int> model;
    for (int step = 0; step < 2000; step++) {
      KeyedItem& item = items[random() % items.size()];
      if (!ItemHeap::contains(&item)) {
        item.key = static_cast<int>(random() % 100);
        heap.insert(&item);
        model.insert(item.key);
      } else if (random() % 2 == 0) {
        heap.remove(&item);
        model.erase(model.find(item.key));
        heap.remove(&item);  // does nothing
      } else if (KeyedItem* first = heap.front()) {
        heap.remove(first);
        model.erase(model.begin());
      }
      ASSERT_EQ(heap.front() == nullptr, model.empty());
      if (!model.empty()) {
        ASSERT_EQ(heap.front()->key, *model.begin());
      }
    }
  }
}

TEST(PairingHeap, ALongRowOfSiblingsIsNoRecursion) {
  std::vector<KeyedItem> items(300'000);
  ItemHeap heap;
  for (std::size_t i = 0; i < items.size(); i++) {
    items[i].key = static_cast<int>(i);
    heap.insert(&items[i]);
  }
  for (int i = 0; i < 1000; i++) {
    ASSERT_EQ(heap.front()->key, i);
    heap.remove(heap.front());
  }
}

}  // namespace
}  // namespace candor::kernel
