#include "vmm/console_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace candor::vmm {
namespace {

class ConsoleOutputTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_ = Fd(ends[0]);
    writer_ = Fd(ends[1]);
  }
  std::string read_all() {
    fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
    std::string text(1 << 20, '\0');
    std::size_t got = 0;
    for (ssize_t n; (n = read(reader_.get(), text.data() + got, text.size() - got)) > 0;)
      got += static_cast<std::size_t>(n);
    text.resize(got);
    return text;
  }
  Fd reader_, writer_;
};

TEST_F(ConsoleOutputTest, WritesWhatItIsGiven) {
  ConsoleOutput output(writer_.get());
  output.put("one\n");
  output.put("two\n");
  EXPECT_TRUE(output.flush());
  EXPECT_EQ(read_all(), "one\ntwo\n");
}

// The pipe's description is a blocking one, and nobody reads.
TEST_F(ConsoleOutputTest, NeverWaitsForItsReader) {
  ConsoleOutput output(writer_.get());
  std::string line(99, 'x');
  line += '\n';
  std::string all;
  for (int i = 0; i < 2000; i++) all += line;
  output.put(all);
  EXPECT_FALSE(output.flush());
  EXPECT_FALSE(output.flush());
  std::string seen = read_all();
  EXPECT_GT(seen.size(), 4096u);
  EXPECT_EQ(seen.size() % line.size(), 0u) << "whole lines only";
  while (!output.flush()) seen += read_all();
  seen += read_all();
  EXPECT_EQ(seen, all) << "nothing is lost, nothing comes twice";
}

TEST_F(ConsoleOutputTest, AtTheEndItsPatienceIsBounded) {
  ConsoleOutput output(writer_.get());
  output.put(std::string(200'000, 'x'));
  const std::size_t lost = output.finish(milliseconds(50));
  EXPECT_EQ(lost + read_all().size(), 200'000u);
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(output.finish(milliseconds(50)), 0u);
}

TEST_F(ConsoleOutputTest, AReaderThatIsGoneIsNoReasonToKeepAnything) {
  signal(SIGPIPE, SIG_IGN);
  ConsoleOutput output(writer_.get());
  reader_.reset();
  output.put("text\n");
  EXPECT_TRUE(output.flush());
}

}  // namespace
}  // namespace candor::vmm
