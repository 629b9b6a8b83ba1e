#include "cli/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace candor::cli {
namespace {

using testing::ElementsAre;

TEST(Units, BytesNeedAUnitAndFit) {
  EXPECT_EQ(parse_bytes("16MiB"), 16 * kMiB);
  EXPECT_EQ(parse_bytes("3 KiB"), 3 * kKiB);
  EXPECT_EQ(parse_bytes("0GiB"), 0U);
  EXPECT_EQ(parse_bytes("1.5MiB"), 1536 * kKiB);
  for (const char* wrong :
       {"", "16", "MiB", "-1MiB", "1.MiB", ".5MiB", "0.0001KiB", "16MiBs", " 1MiB", "17179869184GiB"}) {
    EXPECT_FALSE(parse_bytes(wrong).has_value()) << wrong;
  }
}

TEST(Units, DurationsNeedAUnitAndFit) {
  EXPECT_EQ(parse_duration("10ms"), milliseconds(10));
  EXPECT_EQ(parse_duration("250ns"), nanoseconds(250));
  EXPECT_EQ(parse_duration("16.7ms"), microseconds(16'700));
  EXPECT_EQ(parse_duration("0.05 us"), nanoseconds(50));
  for (const char* wrong : {"", "10", "ms", "-1ms", "0.5ns", "1.0000000001s", "9223372037s"}) {
    EXPECT_FALSE(parse_duration(wrong).has_value()) << wrong;
  }
}

TEST(Units, CpuListsAreSortedSets) {
  EXPECT_THAT(*parse_cpu_list("0-2,5"), ElementsAre(0, 1, 2, 5));
  EXPECT_THAT(*parse_cpu_list("5,0-1,1"), ElementsAre(0, 1, 5));
  for (const char* wrong : {"", ",", "1,", "2-1", "a", "0-", "-1", "0 1", "0-4000000000"}) {
    EXPECT_FALSE(parse_cpu_list(wrong).has_value()) << wrong;
  }
  EXPECT_EQ(format_cpu_list({0, 1, 2, 5}), "0-2,5");
  EXPECT_EQ(format_cpu_list({}), "");
}

TEST(Units, BytesPrintShort) {
  EXPECT_EQ(format_bytes(16 * kMiB), "16MiB");
  EXPECT_EQ(format_bytes(2 * kGiB), "2GiB");
  EXPECT_EQ(format_bytes(1028 * kKiB), "1028KiB");
}

}  // namespace
}  // namespace candor::cli
