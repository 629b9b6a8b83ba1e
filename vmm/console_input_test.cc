#include "vmm/console_input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace candor::vmm {
namespace {

/// Plays the guest.
class ConsoleInputTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    reader_ = Fd(ends[0]);
    writer_ = Fd(ends[1]);
  }
  void type(std::string_view text) {
    ASSERT_EQ(write(writer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  ConsoleInput::Left move() { return input().move(moved_); }
  ConsoleInput input() { return {area_, reader_.get()}; }
  std::string take() {
    std::string text;
    for (std::uint32_t& tail = area_.guest_page().input_tail; tail != area_.host_page().input_head; tail++)
      text += static_cast<char>(area_.host_page().input[tail % CANDOR_INPUT_BYTES]);
    return text;
  }

  Area area_ = [] {
    auto area = Area::create();
    return std::move(area.value());
  }();
  Fd reader_, writer_;
  std::size_t moved_ = 0;
};

TEST_F(ConsoleInputTest, GivesTheGuestWhatComes) {
  EXPECT_EQ(move(), ConsoleInput::Left::kNothing);
  EXPECT_EQ(moved_, 0u);
  type("one\n");
  EXPECT_EQ(move(), ConsoleInput::Left::kNothing);
  EXPECT_EQ(moved_, 4u);
  type("two\n");
  EXPECT_EQ(move(), ConsoleInput::Left::kNothing);
  EXPECT_EQ(take(), "one\ntwo\n");
}

TEST_F(ConsoleInputTest, WaitsForRoomAndLosesNothing) {
  std::string text, seen;
  for (int i = 0; i < 1000; i++) text += std::to_string(i) + "\n";
  type(text);
  while (move() == ConsoleInput::Left::kMore) seen += take();
  seen += take();
  EXPECT_EQ(seen, text);
}

TEST_F(ConsoleInputTest, EndsWithItsSource) {
  type("last");
  writer_.reset();
  EXPECT_EQ(move(), ConsoleInput::Left::kNothing);
  EXPECT_EQ(move(), ConsoleInput::Left::kEnded);
  EXPECT_EQ(take(), "last");
}

TEST_F(ConsoleInputTest, AGuestThatLiesAboutWhatItTookGetsNothing) {
  type("text");
  area_.guest_page().input_tail = 77;
  EXPECT_EQ(move(), ConsoleInput::Left::kMore);
  EXPECT_EQ(area_.host_page().input_head, 0u);
}

TEST_F(ConsoleInputTest, OnlyAVcpuThatThereIsIsTold) {
  EXPECT_EQ(console_listener(area_, 2), 2u);
  area_.guest_page().console_listener = 1;
  EXPECT_EQ(console_listener(area_, 2), 0u);
  area_.guest_page().console_listener = 2;
  EXPECT_EQ(console_listener(area_, 2), 1u);
  for (const std::uint32_t named : {3u, 0x80000000u, ~0u}) {
    area_.guest_page().console_listener = named;
    EXPECT_EQ(console_listener(area_, 2), 2u);
  }
}

}  // namespace
}  // namespace candor::vmm
