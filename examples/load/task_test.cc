#include "examples/load/task.h"

#include <gtest/gtest.h>

#include <string>

namespace candor::load {
namespace {

TEST(LoadTask, ReadsEachClass) {
  const auto control = parse_task("thread=control:deadline:5ms:1ms");
  ASSERT_TRUE(control);
  EXPECT_EQ(control->name, "control");
  EXPECT_EQ(control->terms.cls, CANDOR_CLASS_DEADLINE);
  EXPECT_EQ(control->terms.period, milliseconds(5));
  EXPECT_EQ(control->terms.relative_deadline, milliseconds(5));
  EXPECT_EQ(control->work, milliseconds(1));
  EXPECT_EQ(control->terms.budget, Terms::budget_for(milliseconds(1)));

  const auto early = parse_task("thread=e:deadline:16.7ms:500us:4ms");
  ASSERT_TRUE(early);
  EXPECT_EQ(early->terms.period, microseconds(16'700));
  EXPECT_EQ(early->terms.relative_deadline, milliseconds(4));

  const auto fixed = parse_task("thread=f:fixed:30:10ms:2ms");
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->terms.cls, CANDOR_CLASS_FIXED);
  EXPECT_EQ(fixed->terms.priority, 30);
  EXPECT_EQ(fixed->terms.period, milliseconds(10));
  EXPECT_EQ(fixed->work, milliseconds(2));

  EXPECT_EQ(parse_task("thread=a:fair")->terms.cls, CANDOR_CLASS_FAIR);
  EXPECT_EQ(parse_task("thread=b:background")->terms.cls, CANDOR_CLASS_BACKGROUND);
}

TEST(LoadTask, WorkThatDoesNotFitIsToldWhatWould) {
  const auto task = parse_task("thread=a:deadline:5ms:4.9ms");
  ASSERT_FALSE(task);
  EXPECT_EQ(task.error().part, "4.9ms");
  EXPECT_EQ(task.error().reserve, Terms::budget_for(microseconds(4900)));
  for (const Duration deadline : {milliseconds(5), microseconds(100), Duration{76'001}, seconds(60)}) {
    const Duration most = detail::most_work(deadline);
    EXPECT_LE(Terms::budget_for(most), deadline);
    EXPECT_GT(Terms::budget_for(most + Duration{2}), deadline) << deadline.ns;
  }
  EXPECT_EQ(task.error().most, detail::most_work(milliseconds(5)));
  EXPECT_EQ(detail::most_work(microseconds(75)), Duration{});
  EXPECT_EQ(parse_task("thread=a:deadline:5ms:xms").error().reserve, Duration{}) << "no work at all";
}

TEST(LoadTask, NamesThePartThatIsWrong) {
  const struct {
    const char* word;
    const char* part;
  } cases[] = {
      {"tread=a:fair", "tread=a:fair"},
      {"thread=:fair", ""},
      {"thread=sixteen-letters-:fair", "sixteen-letters-"},
      {"thread=a:fast", "fast"},
      {"thread=a", ""},
      {"thread=a:fair:5ms", "5ms"},
      {"thread=a:deadline:5:1ms", "5"},
      {"thread=a:deadline:99us:1us", "99us"},
      {"thread=a:deadline:5ms", ""},
      {"thread=a:deadline:5ms:5ms", "5ms"},
      {"thread=a:deadline:5ms:1ms:6ms", "6ms"},
      {"thread=a:deadline:5ms:1ms:1ms", "1ms"},
      {"thread=a:deadline:5ms:1ms:4ms:x", "x"},
      {"thread=a:fixed:0:5ms:1ms", "0"},
      {"thread=a:fixed:100:5ms:1ms", "100"},
      {"thread=a:fixed:10:5ms:0ms", "0ms"},
  };
  for (const auto& c : cases) {
    const auto task = parse_task(c.word);
    ASSERT_FALSE(task) << c.word;
    EXPECT_EQ(task.error().part, c.part) << c.word;
    EXPECT_NE(std::string(task.error().allowed), "") << c.word;
  }
}

}  // namespace
}  // namespace candor::load
