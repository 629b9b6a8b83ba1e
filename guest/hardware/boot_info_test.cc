#include "guest/hardware/boot_info.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace candor::hardware {
namespace {

/// A small physical memory, written piece by piece.
class Memory {
 public:
  Memory() : bytes_(1 << 16) {}
  template <typename T>
  void put(std::size_t at, T value) {
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void put_text(std::size_t at, const std::string& text) {
    std::memcpy(bytes_.data() + at, text.c_str(), text.size() + 1);
  }
  const char* data() const { return bytes_.data(); }

 private:
  std::vector<char> bytes_;
};

constexpr std::size_t kInfo = 0x1000, kMap = 0x2000, kCmdline = 0x3000;

void put_e820(Memory& m, std::size_t at, std::uint64_t begin, std::uint64_t bytes, std::uint32_t type) {
  m.put(at, begin);
  m.put(at + 8, bytes);
  m.put(at + 16, type);
}

Memory pvh(std::uint32_t version = 1) {
  Memory m;
  m.put(kInfo, std::uint32_t{0x336ec578});
  m.put(kInfo + 4, version);
  m.put(kInfo + 24, std::uint64_t{kCmdline});
  m.put(kInfo + 32, std::uint64_t{0xf5a40});
  m.put(kInfo + 40, std::uint64_t{kMap});
  m.put(kInfo + 48, std::uint32_t{3});
  m.put_text(kCmdline, "one candor.idle=poll");
  put_e820(m, kMap, 0, 0x9fc00, 1);
  put_e820(m, kMap + 24, 0xf0000, 0x10000, 2);
  put_e820(m, kMap + 48, 0x100000, 0x3e00000, 1);
  return m;
}

TEST(BootInfo, PvhTellsMemoryCommandLineAndRootPointer) {
  const Memory m = pvh();
  auto info = read_pvh(m.data(), kInfo);
  ASSERT_TRUE(info.ok());
  EXPECT_STREQ(info->cmdline, "one candor.idle=poll");
  EXPECT_EQ(info->rsdp, 0xf5a40u);
  ASSERT_EQ(info->range_count, 2u);  // what is reserved is none
  EXPECT_EQ(range_of(*info, 0x100000).end, 0x3f00000u);
  EXPECT_EQ(range_of(*info, 0xf0000).end, 0u);
}

TEST(BootInfo, PvhWithoutMagicOrMapIsAnError) {
  Memory m = pvh();
  m.put(kInfo, std::uint32_t{1});
  EXPECT_EQ(read_pvh(m.data(), kInfo).error(), BootInfoError::kBadMagic);
  EXPECT_EQ(read_pvh(pvh(0).data(), kInfo).error(), BootInfoError::kNoMemoryMap);
  m = pvh();
  m.put(kInfo + 48, std::uint32_t{0});
  EXPECT_EQ(read_pvh(m.data(), kInfo).error(), BootInfoError::kNoMemoryMap);
}

TEST(BootInfo, ALongCommandLineIsCutAndSaysSo) {
  Memory m = pvh();
  m.put_text(kCmdline, std::string(5000, 'x'));
  auto info = read_pvh(m.data(), kInfo);
  ASSERT_TRUE(info.ok());
  EXPECT_TRUE(info->cmdline_cut);
  EXPECT_EQ(std::strlen(info->cmdline), sizeof info->cmdline - 1);
}

TEST(BootInfo, MoreRangesThanThereIsRoomForAreLeftOut) {
  Memory m = pvh();
  m.put(kInfo + 48, std::uint32_t{100});
  for (std::size_t i = 0; i < 100; i++) put_e820(m, kMap + i * 24, i << 20, 1 << 20, 1);
  auto info = read_pvh(m.data(), kInfo);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->range_count, std::size_t{BootInfo::kMostRanges});
}

TEST(BootInfo, RangesThatWrapAreIgnored) {
  Memory m = pvh();
  put_e820(m, kMap, ~std::uint64_t{0} - 10, 100, 1);
  auto info = read_pvh(m.data(), kInfo);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->range_count, 1u);
}

/// Tags, one behind the other at multiples of 8.
class Multiboot2 {
 public:
  void tag(std::uint32_t type, const std::string& content) {
    memory.put(at_, type);
    memory.put(at_ + 4, static_cast<std::uint32_t>(8 + content.size()));
    for (std::size_t i = 0; i < content.size(); i++) memory.put(at_ + 8 + i, content[i]);
    at_ += (8 + content.size() + 7) & ~std::size_t{7};
    memory.put(kInfo, static_cast<std::uint32_t>(at_ - kInfo));
  }
  Memory memory;

 private:
  std::size_t at_ = kInfo + 8;
};

std::string words(std::initializer_list<std::uint64_t> values, std::size_t bytes_each) {
  std::string text;
  for (const std::uint64_t v : values) text.append(reinterpret_cast<const char*>(&v), bytes_each);
  return text;
}

TEST(BootInfo, Multiboot2TellsTheSame) {
  Multiboot2 b;
  b.tag(1, std::string("a b\0", 4));
  b.tag(6, words({24, 0}, 4) + words({0x100000, 0x1000000}, 8) + words({1, 0}, 4) +
               words({0xf0000, 0x10000}, 8) + words({2, 0}, 4));
  b.tag(14, "RSD PTR old");
  b.tag(15, "RSD PTR new");
  b.tag(0, "");
  auto info = read_multiboot2(b.memory.data(), kInfo);
  ASSERT_TRUE(info.ok());
  EXPECT_STREQ(info->cmdline, "a b");
  ASSERT_EQ(info->range_count, 1u);
  EXPECT_EQ(info->ranges[0].end, 0x1100000u);
  EXPECT_EQ(std::string(b.memory.data() + info->rsdp, 11), "RSD PTR new");
}

TEST(BootInfo, Multiboot2TagsThatContradictThemselvesEndTheReading) {
  for (const std::uint32_t bytes : {0u, 7u, 100000u}) {
    Multiboot2 b;
    b.tag(6, words({24, 0}, 4) + words({0x100000, 0x1000000}, 8) + words({1, 0}, 4));
    b.memory.put(kInfo + 8 + 4, bytes);
    EXPECT_EQ(read_multiboot2(b.memory.data(), kInfo).error(), BootInfoError::kNoMemoryMap) << bytes;
  }
}

}  // namespace
}  // namespace candor::hardware
