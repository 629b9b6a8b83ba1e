// The four-level page tables of a machine of its own (Intel SDM volume 3A, 4.5): large pages where they fit,
// split where rights change within one. Pure but for the memory of the tables; tested on the host.
#pragma once

#include <cstdint>

namespace candor::hardware {

enum class Rights : std::uint8_t { kNone, kRead, kWrite, kExecute, kDevice };  // each but the first with read

class PageTables {
 public:
  static constexpr std::uint64_t kPage = 4096, kLargePage = std::uint64_t{2} << 20;

  PageTables() = default;
  /// Tables are taken from this memory, whose addresses are physical ones; whole pages.
  PageTables(std::uint64_t begin, std::uint64_t end) : next_(begin), end_(end) { root_ = take(); }

  /// How many bytes the tables for so much memory take at the most, each of its large pages split.
  static constexpr std::uint64_t bytes_for(std::uint64_t memory) {
    return (memory / kLargePage + 24) * kPage;
  }

  /// Maps whole pages anew, or as well as they were mapped before. False if there is no memory for tables.
  bool map(std::uint64_t virtual_address, std::uint64_t physical, std::uint64_t bytes, Rights rights);
  /// Changes the rights of whole pages that are mapped, or were until kNone took them away. False if one
  /// never was, or if there is no memory for tables. The caches of processors are the caller's.
  bool protect(std::uint64_t virtual_address, std::uint64_t bytes, Rights rights);

  /// For CR3.
  [[nodiscard]] std::uint64_t root() const { return root_; }
  /// What the processor would make of the address: its entry, of whatever size of page; 0 if it has none.
  [[nodiscard]] std::uint64_t entry_of(std::uint64_t virtual_address) const;

 private:
  std::uint64_t take();
  std::uint64_t* table_below(std::uint64_t& entry);
  std::uint64_t* find(std::uint64_t virtual_address, int level, bool make);

  std::uint64_t next_ = 0, end_ = 0, root_ = 0;
};

}  // namespace candor::hardware
