#include "vmm/console.h"

#include <gtest/gtest.h>

#include <cstring>

namespace candor::vmm {
namespace {

/// Plays the guest.
class ConsoleTest : public testing::Test {
 protected:
  Area area_ = [] {
    auto area = Area::create();
    return std::move(area.value());
  }();
  Console console_{area_, "vm"};
  std::uint32_t head_ = 0;

  void write(std::string_view text) {
    auto* ring = const_cast<std::uint8_t*>(area_.console());
    for (const char c : text) ring[head_++ % CANDOR_CONSOLE_BYTES] = static_cast<std::uint8_t>(c);
    area_.guest_page().console_head = head_;
  }
  std::string drain(bool final = false, std::size_t limit = 1 << 20) {
    std::string out;
    console_.drain(out, limit, final);
    return out;
  }
};

TEST_F(ConsoleTest, GivesWholeLinesTheirName) {
  write("one\ntw");
  EXPECT_EQ(drain(), "vm| one\n");
  write("o\n");
  EXPECT_EQ(drain(), "vm| two\n");
  EXPECT_EQ(area_.host_page().console_tail, head_);
}

TEST_F(ConsoleTest, EndsAnUnfinishedLineAtTheEnd) {
  write("half");
  EXPECT_EQ(drain(), "");
  EXPECT_EQ(drain(true), "vm| half\n");
}

TEST_F(ConsoleTest, KeepsTerminalsSafe) {
  write("\x1b[2Jred\x07\n");
  EXPECT_EQ(drain(), "vm| ?[2Jred?\n");
}

TEST_F(ConsoleTest, SaysHowMuchWasLost) {
  area_.guest_page().console_head = CANDOR_CONSOLE_BYTES + 100;
  EXPECT_NE(drain().find("[100 bytes of output lost"), std::string::npos);
  area_.guest_page().console_head = 7;  // backwards: a leap of nearly 2^32
  EXPECT_NE(drain().find("bytes of output lost"), std::string::npos);
}

TEST_F(ConsoleTest, BreaksEndlessLines) {
  write(std::string(3000, 'x'));
  const std::string out = drain();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
}

TEST_F(ConsoleTest, WhatIsAboveTheLimitStaysInTheRing) {
  write("one\ntwo\nthree\n");
  EXPECT_EQ(drain(false, 5), "vm| one\n");
  EXPECT_EQ(area_.host_page().console_tail, 4u);
  EXPECT_EQ(drain(), "vm| two\nvm| three\n");
}

TEST_F(ConsoleTest, EmptyLinesStay) {
  write("a\n\nb\n");
  EXPECT_EQ(drain(), "vm| a\nvm| \nvm| b\n");
}

}  // namespace
}  // namespace candor::vmm
