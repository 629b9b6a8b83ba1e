#include "cli/trace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace candor::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string trace_error_of(const std::string& text) {
  const auto trace = parse_trace(text, "dir/t.csv");
  return trace.ok() ? "(accepted)" : trace.error();
}

TEST(TraceFile, LinesAreReleaseAndWorkInMicroseconds) {
  const auto trace = parse_trace("release_us,work_us\r\n0,100\n2000.5,0.001\n2000.5,7", "t.csv");
  ASSERT_TRUE(trace.ok()) << trace.error();
  const std::vector<sim::TraceJob>& jobs = **trace;
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0].release, Duration{});
  EXPECT_EQ(jobs[0].work, microseconds(100));
  EXPECT_EQ(jobs[1].release, nanoseconds(2'000'500));
  EXPECT_EQ(jobs[1].work, nanoseconds(1));
  EXPECT_EQ(jobs[2].release, jobs[1].release);
}

TEST(TraceFile, AnErrorNamesFileLineValueAndRemedy) {
  EXPECT_THAT(trace_error_of("0,1\nx\n"),
              AllOf(StartsWith("dir/t.csv:2: line \"x\" is no job"), HasSubstr("12000,350.5")));
  EXPECT_THAT(trace_error_of("5,1\n4,1\n"),
              AllOf(StartsWith("dir/t.csv:2: "), HasSubstr("before the line above")));
  EXPECT_THAT(trace_error_of(""), StartsWith("dir/t.csv: has no job"));
  EXPECT_THAT(trace_error_of("release_us,work_us\n"), HasSubstr("has no job"));
  EXPECT_THAT(trace_error_of("release,work\n0,1\n"),
              HasSubstr("dir/t.csv:1: line \"release,work\" has no release"));
}

TEST(TraceFile, HostileNumbersAreErrors) {
  for (const char* release : {"-1", "nan", "inf", "1e3", "", " 1", "1us", "0x10", "1000000000001",
                              "99999999999999999999999999", "1.2345", "1..2"})
    EXPECT_THAT(trace_error_of(std::string(release) + ",1\n"), HasSubstr("has no release from 0 to"))
        << release;
  for (const char* work : {"0", "-1", "nan", "1e3", "", "1,1", "100000001", "0.0000"})
    EXPECT_THAT(trace_error_of(std::string("1,") + work + "\n"), HasSubstr("has no work above 0")) << work;
  EXPECT_THAT(trace_error_of(std::string(100'000, 'x')).size(), testing::Lt(300U))
      << "a message stays readable";
  EXPECT_THAT(trace_error_of(std::string("0\0,1", 4)), HasSubstr("has no release"));
}

TEST(TraceFile, AMillionJobsAreTheLimit) {
  std::string text;
  for (std::size_t i = 0; i < kTraceJobsMax; ++i) text += "0,1\n";
  EXPECT_EQ(trace_error_of(text), "(accepted)");
  EXPECT_THAT(trace_error_of(text + "0,1\n"),
              HasSubstr("dir/t.csv:1000001: line \"0,1\" is one job more than the limit"));
}

TEST(TraceFile, WhatIsNoFileCannotBeRead) {
  for (const char* path : {"/nowhere/t.csv", "/", "/dev/zero"}) {
    const auto trace = load_trace(path);
    ASSERT_FALSE(trace.ok());
    EXPECT_THAT(trace.error(), HasSubstr("is no file")) << path;
  }
}

}  // namespace
}  // namespace candor::cli
