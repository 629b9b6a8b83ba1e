#include "cli/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace candor::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const HostCpus kHost{.online = {0, 1, 2, 3}, .allowed = {0, 1, 2}};

Result<Config, ConfigErrors> parse(const std::string& text) {
  return parse_config(text, "dir/file.toml", kHost);
}

// The only error of a VM "a" with these further lines.
std::string vm_error(const std::string& lines) {
  const auto result = parse("[[vm]]\nname = \"a\"\nimage = \"i\"\n" + lines);
  if (result.ok()) return "(accepted)";
  if (result.error().size() != 1) return "(several) " + result.error()[0] + " | " + result.error()[1];
  return result.error()[0];
}

TEST(Config, DefaultsFillWhatIsNotWritten) {
  const auto result = parse("[[vm]]\nname = \"a\"\nimage = \"guest.elf\"\n");
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_THAT(result->cpus, ElementsAre(0, 1, 2));
  EXPECT_TRUE(result->slices);
  ASSERT_EQ(result->vms.size(), 1U);
  const VmConfig& vm = result->vms[0];
  EXPECT_EQ(vm.image, "dir/guest.elf") << "relative to the configuration file";
  EXPECT_EQ(vm.vcpus, 1U);
  EXPECT_EQ(vm.memory_bytes, 16U << 20);
  EXPECT_EQ(vm.weight, 100U);
  EXPECT_EQ(vm.backend, Backend::kAuto);
  EXPECT_EQ(vm.realtime_vcpus(), 0U);
  EXPECT_EQ(result->admission.limit_ppm, 850'000U);
  EXPECT_FALSE(result->admission.job_overhead.has_value()) << "it is measured";
}

TEST(Config, WhatAdmissionCountsHasLimits) {
  const auto host_error = [](const std::string& line) {
    const auto result = parse("[host]\n" + line + "[[vm]]\nname = \"a\"\nimage = \"guest.elf\"\n");
    return result.ok() ? std::string("(accepted)") : result.error().at(0);
  };
  EXPECT_EQ(host_error("limit = 0.96\n"),
            "dir/file.toml:2:9: [host]: key \"limit\": value 0.96 is above the limit of 0.95; "
            "write the share of each processor that reserves may take, 0.1 to 0.95");
  EXPECT_THAT(host_error("limit = 0.05\n"), HasSubstr("below the limit of 0.1"));
  EXPECT_THAT(host_error("limit = \"much\"\n"), HasSubstr("is not a number"));
  EXPECT_THAT(host_error("limit = nan\n"), HasSubstr("below the limit of 0.1"));
  EXPECT_EQ(host_error("limit = 0.95\n"), "(accepted)");
  EXPECT_THAT(host_error("job_overhead = \"4us\"\n"), HasSubstr("below the limit of 5us"));
  EXPECT_THAT(host_error("job_overhead = \"1ms\"\n"), HasSubstr("above the limit of 200us"));
}

TEST(Config, ReservesFitWithinTheLimitOfTheHost) {
  const auto result = [](const char* limit) {
    return parse(std::string("[host]\ncpus = \"0\"\n") + limit +
                 "[[vm]]\nname = \"a\"\nimage = \"guest.elf\"\n[vm.realtime]\nbandwidth = 0.9\n");
  };
  ASSERT_FALSE(result("").ok());
  EXPECT_THAT(result("").error().at(0), HasSubstr("above the limit of 0.85"));
  EXPECT_TRUE(result("limit = 0.9\n").ok());
  EXPECT_THAT(result("limit = 0.5\n").error().at(0), HasSubstr("above the limit of 0.5"));
}

TEST(Config, EveryKeyIsRead) {
  const auto result = parse(R"(
[host]
cpus = "0,2"
limit = 0.9
job_overhead = "45us"
slices = false
[[vm]]
name = "a"
image = "/abs/guest.elf"
vcpus = 2
memory = "4 MiB"
weight = 250
cmdline = "mode=x"
backend = "process"
[vm.realtime]
bandwidth = 1.5
vcpus = 2
max_priority = 80
period = "5ms"
[[vm]]
name = "b"
image = "../b.elf"
)");
  ASSERT_TRUE(result.ok()) << result.error()[0];
  EXPECT_THAT(result->cpus, ElementsAre(0, 2));
  EXPECT_EQ(result->admission.limit_ppm, 900'000U);
  EXPECT_EQ(result->admission.job_overhead, microseconds(45));
  EXPECT_FALSE(result->slices);
  ASSERT_EQ(result->vms.size(), 2U);
  const VmConfig& vm = result->vms[0];
  EXPECT_EQ(vm.image, "/abs/guest.elf");
  EXPECT_EQ(vm.vcpus, 2U);
  EXPECT_EQ(vm.memory_bytes, 4U << 20);
  EXPECT_EQ(vm.weight, 250U);
  EXPECT_EQ(vm.cmdline, "mode=x");
  EXPECT_EQ(vm.backend, Backend::kProcess);
  ASSERT_TRUE(vm.realtime.has_value());
  EXPECT_EQ(vm.realtime->bandwidth_ppm, 1'500'000U);
  EXPECT_EQ(vm.realtime->vcpus, 2U);
  EXPECT_EQ(vm.realtime->max_priority, 80U);
  EXPECT_EQ(vm.realtime->period, milliseconds(5));
  EXPECT_EQ(result->vms[1].image, "b.elf");
}

TEST(Config, AnErrorNamesFileLineKeyValueLimitAndRemedy) {
  EXPECT_EQ(vm_error("memory = \"9GiB\"\n"),
            "dir/file.toml:4:10: vm \"a\": key \"memory\": value \"9GiB\" is above the limit of 2GiB; "
            "write a size from 1MiB to 2GiB");
}

TEST(Config, ASwitchIsTrueOrFalse) {
  const auto result = parse("[host]\nslices = \"no\"\n[[vm]]\nname = \"a\"\nimage = \"i\"\n");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(
      result.error()[0],
      "dir/file.toml:2:10: [host]: key \"slices\": value \"no\" is neither true nor false; write one of "
      "them, without quotes");
}

TEST(Config, MemoryHasAUnitAndLimits) {
  EXPECT_THAT(vm_error("memory = \"512KiB\"\n"), HasSubstr("below the limit of 1MiB"));
  EXPECT_THAT(vm_error("memory = \"16\"\n"), HasSubstr("not a size with unit"));
  EXPECT_THAT(vm_error("memory = \"16MB\"\n"), HasSubstr("not a size with unit"));
  EXPECT_THAT(vm_error("memory = \"1025KiB\"\n"), HasSubstr("multiple of 4KiB"));
  EXPECT_THAT(vm_error("memory = \"99999999999999999999GiB\"\n"), HasSubstr("not a size"));
  EXPECT_THAT(vm_error("memory = 16\n"), HasSubstr("value 16 is not a string"));
}

TEST(Config, NumbersHaveLimits) {
  EXPECT_THAT(vm_error("weight = 0\n"), HasSubstr("value 0 is below the limit of 1; write a whole number"));
  EXPECT_THAT(vm_error("weight = 10001\n"), HasSubstr("above the limit of 10000"));
  EXPECT_THAT(vm_error("weight = 4294967396\n"), HasSubstr("above the limit")) << "not taken modulo 2^32";
  EXPECT_THAT(vm_error("vcpus = -1\n"), HasSubstr("below the limit"));
  EXPECT_THAT(vm_error("vcpus = \"two\"\n"), HasSubstr("not a whole number"));
  EXPECT_THAT(vm_error("vcpus = 1.0\n"), HasSubstr("not a whole number"));
  EXPECT_THAT(vm_error("vcpus = 65\n"), HasSubstr("above the limit of 64"));
}

TEST(Config, FairAndRealtimeVcpusHaveACommonLimit) {
  EXPECT_THAT(
      vm_error("vcpus = 64\n[vm.realtime]\nbandwidth = 0.1\n"),
      AllOf(StartsWith("dir/file.toml:4:9"), HasSubstr("64 and 1 real-time vcpus"), HasSubstr("lower")));
  EXPECT_EQ(vm_error("vcpus = 63\n[vm.realtime]\nbandwidth = 0.1\n"), "(accepted)");
}

TEST(Config, BandwidthIsAtMostTheRealtimeVcpus) {
  const std::string realtime = "[vm.realtime]\n";
  EXPECT_THAT(vm_error(realtime), HasSubstr("\"realtime.bandwidth\" is missing"));
  EXPECT_THAT(vm_error(realtime + "bandwidth = 0\n"), HasSubstr("not above 0"));
  EXPECT_THAT(vm_error(realtime + "bandwidth = -0.5\n"), HasSubstr("not above 0"));
  EXPECT_THAT(vm_error(realtime + "bandwidth = nan\n"), HasSubstr("not above 0"));
  EXPECT_THAT(vm_error(realtime + "bandwidth = inf\n"), HasSubstr("above the limit of 1"));
  EXPECT_THAT(vm_error(realtime + "bandwidth = 1.1\n"), HasSubstr("value 1.1 is above the limit of 1"));
  EXPECT_THAT(vm_error(realtime + "bandwidth = \"40%\"\n"), HasSubstr("not a number"));
  EXPECT_EQ(vm_error(realtime + "bandwidth = 0.85\n"), "(accepted)");
  EXPECT_THAT(vm_error(realtime + "bandwidth = 1\n"), HasSubstr("value 1 is above the limit of 0.85"));
  EXPECT_EQ(vm_error(realtime + "bandwidth = 1\nvcpus = 2\n"), "(accepted)");
}

TEST(Config, ReservesThatFitAsASumButNotWholeAreRefused) {
  std::string text = "[host]\ncpus = \"0-1\"\n";
  for (const char* name : {"a", "b", "c"})
    text += std::string("[[vm]]\nname = \"") + name + "\"\nimage = \"i\"\n[vm.realtime]\nbandwidth = 0.5\n";
  const auto result = parse(text);
  ASSERT_FALSE(result.ok());
  ASSERT_EQ(result.error().size(), 1U);
  EXPECT_THAT(
      result.error()[0],
      AllOf(StartsWith("dir/file.toml:17:"), HasSubstr("vm \"c\""), HasSubstr("0.5 + 0.5 + 0.5 = 1.5"),
            HasSubstr("no one of them has room"), HasSubstr("more vcpus to spread")));
}

TEST(Config, RealtimeTermsHaveLimits) {
  const std::string realtime = "[vm.realtime]\nbandwidth = 0.2\n";
  EXPECT_THAT(vm_error(realtime + "max_priority = 100\n"), HasSubstr("above the limit of 99"));
  EXPECT_THAT(vm_error(realtime + "vcpus = 0\n"), HasSubstr("below the limit of 1"));
  EXPECT_THAT(vm_error(realtime + "period = \"10\"\n"), HasSubstr("not a time with unit"));
  EXPECT_THAT(vm_error(realtime + "period = \"1us\"\n"), HasSubstr("outside the limits"));
  EXPECT_THAT(vm_error(realtime + "prio = 1\n"), HasSubstr("\"prio\" is unknown"));
  EXPECT_THAT(vm_error("realtime = 1\n"), HasSubstr("is not a table"));
}

TEST(Config, UnknownKeysAreErrorsWithTheNearestName) {
  EXPECT_THAT(vm_error("wieght = 100\n"),
              HasSubstr("4:1: vm \"a\": key \"wieght\" is unknown; did you mean \"weight\"?"));
  EXPECT_THAT(vm_error("colour = 1\n"), HasSubstr("known are \"name\", \"image\""));
  const auto result = parse("[hosts]\ncpus = \"0\"\n[[vm]]\nname = \"a\"\nimage = \"i\"\n");
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error(), ElementsAre(HasSubstr("did you mean \"host\"?")));
}

TEST(Config, NamesAreNeededAndUnique) {
  EXPECT_THAT(parse("[[vm]]\nimage = \"i\"\n").error(), ElementsAre(HasSubstr("\"name\" is missing")));
  EXPECT_THAT(parse("[[vm]]\nname = \"a/b\"\nimage = \"i\"\n").error(), ElementsAre(HasSubstr("not a name")));
  const std::string vm = "[[vm]]\nname = \"a\"\nimage = \"i\"\n";
  EXPECT_THAT(parse(vm + vm).error(), ElementsAre(AllOf(HasSubstr(":5:8:"), HasSubstr("earlier VM"))));
}

TEST(Config, AnImageIsNeeded) {
  EXPECT_THAT(parse("[[vm]]\nname = \"a\"\n").error(), ElementsAre(HasSubstr("\"image\" is missing")));
  EXPECT_THAT(parse("[[vm]]\nname = \"a\"\nimage = \"\"\n").error(), ElementsAre(HasSubstr("is empty")));
}

TEST(Config, CommandLineFitsTheSharedPage) {
  EXPECT_EQ(vm_error("cmdline = \"" + std::string(2047, 'x') + "\"\n"), "(accepted)");
  EXPECT_THAT(vm_error("cmdline = \"" + std::string(2048, 'x') + "\"\n"),
              HasSubstr("has 2048 bytes, the limit is 2047"));
  EXPECT_THAT(vm_error("cmdline = \"a\\u0000b\"\n"), HasSubstr("zero byte"));
}

TEST(Config, BackendIsOneOfTwo) {
  EXPECT_THAT(vm_error("backend = \"xen\"\n"), HasSubstr("write \"auto\" or \"process\""));
}

TEST(Config, ProcessorsAreOnlineAndAllowed) {
  const auto host = [](const std::string& cpus) {
    const auto result = parse("[host]\ncpus = \"" + cpus + "\"\n[[vm]]\nname = \"a\"\nimage = \"i\"\n");
    return result.ok() ? "(accepted)" : result.error()[0];
  };
  EXPECT_EQ(host("1-2"), "(accepted)");
  EXPECT_THAT(host("0-7"), AllOf(HasSubstr("processor 4, which is not online"), HasSubstr("\"0-3\"")));
  EXPECT_THAT(host("3"), AllOf(HasSubstr("not allowed"), HasSubstr("\"0-2\"")));
  EXPECT_THAT(host(""), HasSubstr("not a list"));
  EXPECT_THAT(host("1-"), HasSubstr("not a list"));
}

TEST(Config, AllErrorsAreReportedAtOnce) {
  const auto result = parse("[[vm]]\nname = \"a\"\nimage = \"i\"\nweight = 0\nmemory = \"1\"\n");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().size(), 2U);
}

TEST(Config, BadFilesAreReported) {
  EXPECT_THAT(parse("[[vm]\n").error(),
              ElementsAre(AllOf(StartsWith("dir/file.toml:1:"), HasSubstr("not TOML"))));
  EXPECT_THAT(parse("").error(), ElementsAre(HasSubstr("add a table [[vm]]")));
  EXPECT_THAT(parse("vm = 3\n").error(), ElementsAre(HasSubstr("add a table [[vm]]")));
  EXPECT_THAT(parse("vm = [1]\n").error(), ElementsAre(HasSubstr("write [[vm]]")));
  EXPECT_THAT(load_config("/nonexistent.toml", kHost).error(), ElementsAre(HasSubstr("cannot be read")));
  EXPECT_THAT(load_config("/", kHost).error(), ElementsAre(HasSubstr("cannot be read")));
}

}  // namespace
}  // namespace candor::cli
