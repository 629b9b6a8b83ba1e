#include "guest/hardware/page_tables.h"

namespace candor::hardware {
namespace {

constexpr std::uint64_t kPresent = 1, kWritable = 2, kWriteThrough = 8, kUncached = 16, kLarge = 128;
constexpr std::uint64_t kKnown = 512;  // for software: the address stands though nothing is present
constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
constexpr std::uint64_t kAddress = 0x000ffffffffff000;

std::uint64_t bits_of(Rights rights) {
  switch (rights) {
    case Rights::kNone:
      return kKnown | kNoExecute;
    case Rights::kRead:
      return kKnown | kPresent | kNoExecute;
    case Rights::kWrite:
      return kKnown | kPresent | kWritable | kNoExecute;
    case Rights::kExecute:
      return kKnown | kPresent;
    case Rights::kDevice:
      return kKnown | kPresent | kWritable | kNoExecute | kUncached | kWriteThrough;
  }
  return 0;
}

std::uint64_t* table_at(std::uint64_t physical) {
  return reinterpret_cast<std::uint64_t*>(physical);
}

}  // namespace

std::uint64_t PageTables::take() {
  if (end_ - next_ < kPage) return 0;
  const std::uint64_t table = next_;
  next_ += kPage;
  __builtin_memset(table_at(table), 0, kPage);
  return table;
}

/// The table that an entry points to; made if it points to none, by splitting if it is a large page.
std::uint64_t* PageTables::table_below(std::uint64_t& entry) {
  if ((entry & kPresent) != 0 && (entry & kLarge) == 0) return table_at(entry & kAddress);
  const std::uint64_t table = take();
  if (table == 0) return nullptr;
  if ((entry & kKnown) != 0)
    for (std::uint64_t i = 0; i < 512; i++) table_at(table)[i] = (entry & ~kLarge) + i * kPage;
  entry = table | kPresent | kWritable;
  return table_at(table);
}

/// The entry for the address in the table of that level: 1 is the last. Null if there is none, nor could be
/// made.
std::uint64_t* PageTables::find(std::uint64_t address, int level, bool make) {
  std::uint64_t* table = table_at(root_);
  for (int at = 4;; at--) {
    std::uint64_t& entry = table[address >> (12 + 9 * (at - 1)) & 511];
    if (at == level) return &entry;
    if (!make && ((entry & kPresent) == 0 || (entry & kLarge) != 0)) return at == 2 ? &entry : nullptr;
    table = table_below(entry);
    if (table == nullptr) return nullptr;
  }
}

bool PageTables::map(std::uint64_t address, std::uint64_t physical, std::uint64_t bytes, Rights rights) {
  while (bytes > 0) {
    const bool large = ((address | physical) & (kLargePage - 1)) == 0 && bytes >= kLargePage;
    const std::uint64_t step = large ? kLargePage : kPage;
    std::uint64_t* entry = find(address, large ? 2 : 1, true);
    if (entry == nullptr) return false;
    *entry = physical | bits_of(rights) | (large ? kLarge : 0);
    address += step;
    physical += step;
    bytes -= step;
  }
  return true;
}

bool PageTables::protect(std::uint64_t address, std::uint64_t bytes, Rights rights) {
  for (; bytes > 0; address += kPage, bytes -= kPage) {
    if ((entry_of(address) & kKnown) == 0) return false;
    std::uint64_t* entry = find(address, 1, true);
    if (entry == nullptr) return false;
    *entry = (*entry & kAddress) | bits_of(rights);
  }
  return true;
}

std::uint64_t PageTables::entry_of(std::uint64_t address) const {
  const std::uint64_t* entry = const_cast<PageTables*>(this)->find(address, 1, false);
  return entry == nullptr ? 0 : *entry;
}

}  // namespace candor::hardware
