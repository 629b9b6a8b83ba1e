// The guest finds out where it runs: each way alone, and all together.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/e2e/machine.h"
#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// What Linux says of the machine that the tests run on.
bool machine_is_virtual() {
  std::ifstream file("/proc/cpuinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str().find(" hypervisor") != std::string::npos;
}

/// Which ways the boot log has an outcome of: "VMCPUID CPUID timing".
std::string ways_told(const std::string& console) {
  std::string told;
  for (const char* way : {"VMCPUID", "CPUID", "timing"})
    if (console.find(fmt::format("candor: by {}: ", way)) != std::string::npos)
      told += (told.empty() ? "" : " ") + std::string(way);
  return told;
}

/// Kind, name or both; how sure; evidence; and time taken.
auto an_outcome_of(const char* way) {
  return ContainsRegex(fmt::format(
      "candor: by {}: [^:\n]+, (no telling|perhaps|likely|certain): [^\n]+; [0-9.]+(ns|us|ms)\n", way));
}

class DetectionOnCandor : public testing::Test {
 protected:
  void SetUp() override { CANDOR_NEEDS_PROCESS(); }

  static std::string boot(const std::string& methods, const char* mode = "unaware") {
    const Outcome o =
        run(fmt::format(
                "[host]\ncpus = \"CPU0\"\n\n[[vm]]\nname = \"guest\"\nimage = \"GUESTS/hello\"\nbackend = "
                "\"process\"\ncmdline = \"{}\"\n",
                methods.empty() ? "" : "candor.detect=" + methods),
            {"--mode", mode});
    return o.out + o.err;
  }
};

// The way from entry to main is short there: each CPUID below a hypervisor is an exit, and timing takes
// milliseconds.
TEST_F(DetectionOnCandor, UnlessAskedVmcpuidAloneIsLookedAt) {
  for (const char* mode : {"unaware", "aware"}) {
    const std::string console = boot("", mode);
    EXPECT_THAT(console, ContainsRegex("candor: on Candor, ABI 1, [^\n]*as VMCPUID says in [0-9.]+[nu]s\n"));
    EXPECT_EQ(ways_told(console), "") << console;
  }
}

TEST_F(DetectionOnCandor, ByVmcpuid) {
  const std::string console = boot("vmcpuid");
  EXPECT_EQ(ways_told(console), "VMCPUID") << console;
  EXPECT_THAT(console, AllOf(an_outcome_of("VMCPUID"), Not(HasSubstr("so this is")),
                             HasSubstr("by VMCPUID: Candor, ABI 1, certain: it answers 43414e4400000001; ")));
}

TEST_F(DetectionOnCandor, ByCpuidItSeesTheMachineBelow) {
  const std::string console = boot("cpuid");
  EXPECT_EQ(ways_told(console), "CPUID") << console;
  EXPECT_THAT(console, an_outcome_of("CPUID"));
  if (machine_is_virtual()) {
    EXPECT_THAT(console, AllOf(HasSubstr("the hypervisor bit is set"), Not(HasSubstr("hardware"))));
  } else {
    EXPECT_THAT(console, HasSubstr("by CPUID: hardware, perhaps: the hypervisor bit is not set"));
  }
}

TEST_F(DetectionOnCandor, ByTimingItSeesTheMachineBelow) {
  const std::string console = boot("timing");
  EXPECT_EQ(ways_told(console), "timing") << console;
  EXPECT_THAT(console, AllOf(an_outcome_of("timing"), HasSubstr(" chains; ")));
  // A hypervisor that hides may be called hardware, but this one does not.
  if (machine_is_virtual()) {
    EXPECT_THAT(console, Not(HasSubstr("by timing: hardware")));
  }
}

TEST_F(DetectionOnCandor, ByAllItIsOnCandor) {
  const std::string console = boot("all");
  EXPECT_EQ(ways_told(console), "VMCPUID CPUID timing") << console;
  EXPECT_THAT(console, AllOf(an_outcome_of("VMCPUID"), an_outcome_of("CPUID"), an_outcome_of("timing")));
  EXPECT_THAT(console, HasSubstr("candor: so this is Candor, ABI 1 (certain); the machine below: "));
}

TEST_F(DetectionOnCandor, AMethodThatThereIsNotIsRefused) {
  EXPECT_THAT(boot("cpuid,guess"),
              HasSubstr("panic: candor.detect=cpuid,guess: it is all, or some of vmcpuid"));
}

struct HidingPlace {
  const char* name;
  const char* cpu;
  const char* methods;  // "": the usual ones
  const char* told;     // as ways_told() has it
  const char* says;
  const char* so = "";
};

class DetectionOnMachine : public testing::TestWithParam<HidingPlace> {};

TEST_P(DetectionOnMachine, Finds) {
  CANDOR_NEEDS_MACHINE();
  const HidingPlace& place = GetParam();
  MachineOptions options;
  options.processors = 2;
  options.cpu = place.cpu;
  if (place.methods[0] != '\0') options.cmdline = fmt::format("candor.detect={}", place.methods);
  const MachineOutcome o = run_on_machine(guest_image("hello"), options);
  EXPECT_EQ(o.code, 0) << o.console;
  EXPECT_THAT(o.console, HasSubstr("candor: not on Candor, as VMCPUID says in "));
  EXPECT_EQ(ways_told(o.console), place.told) << o.console;
  EXPECT_THAT(o.console, HasSubstr(place.says));
  EXPECT_THAT(o.console, HasSubstr(place.so));
}

constexpr const char* kHidden = "max,-hypervisor,tcg-cpuid=off";

INSTANTIATE_TEST_SUITE_P(
    Tcg, DetectionOnMachine,
    testing::Values(
        HidingPlace{"UnlessAsked", "max", "", "CPUID",
                    "by CPUID: QEMU's TCG, certain: the hypervisor bit is set, leaf 40000000 says"},
        HidingPlace{"ByVmcpuid", "max", "vmcpuid", "VMCPUID",
                    "by VMCPUID: unknown, no telling: an invalid-opcode exception, so not Candor; "},
        HidingPlace{"ByCpuid", "qemu64", "cpuid", "CPUID", "by CPUID: QEMU's TCG, certain"},
        HidingPlace{"ByCpuidTheBitAlone", "max,tcg-cpuid=off", "cpuid", "CPUID",
                    "by CPUID: a hypervisor, certain: the hypervisor bit is set, and no signature; "},
        HidingPlace{"ByCpuidTheSignatureAlone", "max,-hypervisor", "cpuid", "CPUID",
                    "says TCGTCGTCGTCG: it hides; "},
        HidingPlace{"ByCpuidNotWhatHides", kHidden, "cpuid", "CPUID", "by CPUID: hardware, perhaps"},
        HidingPlace{"ByTimingWhatHides", kHidden, "timing", "timing", "by timing: an emulator, "},
        HidingPlace{"ByTwo", "max", "vmcpuid,cpuid", "VMCPUID CPUID", "by CPUID: QEMU's TCG, certain",
                    "candor: so this is QEMU's TCG (certain)"},
        HidingPlace{"ByAllWhatHides", kHidden, "all", "VMCPUID CPUID timing", "by CPUID: hardware, perhaps",
                    "candor: so this is an emulator ("}),
    [](const testing::TestParamInfo<HidingPlace>& place) { return std::string(place.param.name); });

}  // namespace
}  // namespace candor::e2e
