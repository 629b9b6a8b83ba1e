#include "guest/hardware/page_tables.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <random>

namespace candor::hardware {
namespace {

constexpr std::uint64_t kPresent = 1, kWritable = 2, kUncached = 16, kLarge = 128,
                        kNoExecute = std::uint64_t{1} << 63;
constexpr std::uint64_t kPage = PageTables::kPage, kLargePage = PageTables::kLargePage;
constexpr std::uint64_t kAddress = 0x000ffffffffff000;

/// Tables in memory of their own.
class Tables {
 public:
  explicit Tables(std::size_t pages)
      : memory_(static_cast<char*>(std::aligned_alloc(kPage, pages * kPage)), &std::free),
        tables(reinterpret_cast<std::uint64_t>(memory_.get()),
               reinterpret_cast<std::uint64_t>(memory_.get()) + pages * kPage) {}

 private:
  std::unique_ptr<char, void (*)(void*)> memory_;

 public:
  PageTables tables;
};

TEST(PageTables, LargePagesAreUsedWhereTheyFit) {
  Tables t(16);
  ASSERT_TRUE(t.tables.map(kLargePage - kPage, kLargePage - kPage, kLargePage + 2 * kPage, Rights::kWrite));
  EXPECT_EQ(t.tables.entry_of(kLargePage - kPage) & kLarge, 0u);
  EXPECT_NE(t.tables.entry_of(kLargePage) & kLarge, 0u);
  EXPECT_EQ(t.tables.entry_of(2 * kLargePage) & kLarge, 0u);
  EXPECT_EQ(t.tables.entry_of(2 * kLargePage + kPage), 0u);
}

TEST(PageTables, RightsAreThoseAskedForAndNeverBothToWriteAndToExecute) {
  Tables t(16);
  const Rights all[] = {Rights::kNone, Rights::kRead, Rights::kWrite, Rights::kExecute, Rights::kDevice};
  for (const Rights r : all) {
    ASSERT_TRUE(t.tables.map(0x10000, 0x10000, kPage, r));
    const std::uint64_t e = t.tables.entry_of(0x10000);
    EXPECT_EQ((e & kPresent) != 0, r != Rights::kNone);
    EXPECT_EQ((e & kWritable) != 0, r == Rights::kWrite || r == Rights::kDevice);
    EXPECT_EQ((e & kNoExecute) == 0, r == Rights::kExecute);
    EXPECT_EQ((e & kUncached) != 0, r == Rights::kDevice);
  }
}

TEST(PageTables, WhatWasNeverMappedIsNotProtected) {
  Tables t(16);
  ASSERT_TRUE(t.tables.map(0x10000, 0x10000, kPage, Rights::kWrite));
  EXPECT_FALSE(t.tables.protect(0x11000, kPage, Rights::kRead));
  EXPECT_FALSE(t.tables.protect(0x500000000000, kPage, Rights::kRead));
}

TEST(PageTables, WithoutMemoryForTablesNothingIsPromised) {
  Tables t(4);
  ASSERT_TRUE(t.tables.map(0, 0, kPage, Rights::kWrite));  // root and three
  EXPECT_FALSE(t.tables.map(kLargePage * 512 * 2, 0, kPage, Rights::kWrite));
  ASSERT_TRUE(t.tables.map(kLargePage, kLargePage, kLargePage, Rights::kWrite));
  EXPECT_FALSE(t.tables.protect(kLargePage, kPage, Rights::kNone));
}

// Against a map of pages: whatever was split, each page has its address and the rights it was given last.
TEST(PageTables, ARandomSequenceLeavesEachPageAsAsked) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  constexpr std::uint64_t kPages = 2048;
  Tables t(PageTables::bytes_for(kPages * kPage) / kPage);
  ASSERT_TRUE(t.tables.map(0, 0, kPages * kPage, Rights::kWrite));
  std::map<std::uint64_t, Rights> wanted;
  for (std::uint64_t p = 0; p < kPages; p++) wanted[p] = Rights::kWrite;
  for (int step = 0; step < 300; step++) {
    const std::uint64_t from = random() % kPages,
                        count = 1 + random() % std::min<std::uint64_t>(40, kPages - from);
    const Rights rights =
        std::initializer_list<Rights>{Rights::kNone, Rights::kRead, Rights::kWrite}.begin()[random() % 3];
    ASSERT_TRUE(t.tables.protect(from * kPage, count * kPage, rights));
    for (std::uint64_t p = from; p < from + count; p++) wanted[p] = rights;
  }
  for (const auto& [page, rights] : wanted) {
    std::uint64_t entry = t.tables.entry_of(page * kPage);
    if ((entry & kLarge) != 0) entry += page % 512 * kPage;
    ASSERT_EQ(entry & kAddress & ~std::uint64_t{kLarge}, page * kPage);
    ASSERT_EQ((entry & kPresent) != 0, rights != Rights::kNone);
    ASSERT_EQ((entry & kWritable) != 0, rights == Rights::kWrite);
    ASSERT_NE(entry & kNoExecute, 0u);
  }
}

}  // namespace
}  // namespace candor::hardware
