// What every back end and every mode must do alike: one tiny guest for each
// behaviour (tests/guests), which judges itself or is expected to be ended.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <tuple>

#include "tests/e2e/needs.h"
#include "vmm/vm_process.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;

constexpr double kGraceSeconds = static_cast<double>(vmm::kShutdownGraceNs) / 1e9;

enum class Ending {
  kPasses,   // says so, with exit code 0
  kFaults,   // is ended for a fault
  kRefused,  // is ended for a forbidden system call
  kHangs,    // does not end when asked to, and is ended
  kAnyhow,   // however, as long as others and the host take no harm
};

struct Behaviour {
  const char* guest;
  Ending ending;
  const char* keys = "";      // further keys of its VM
  const char* duration = "";  // for those that wait to be ended
  const char* variant = "";   // the end of the test's name, where a guest runs with several keys
  // What shows that it was in the state that it is about: a figure of its summary, and the least of it.
  const char* figure = nullptr;
  double at_least = 0;
};

constexpr const char* kRealtime = "[vm.realtime]\nbandwidth = 0.3\n";

const Behaviour kBehaviours[] = {
    {"timers_fire_while_running", Ending::kPasses},
    {"wakes_between_vcpus", Ending::kPasses, "vcpus = 2\n"},
    {"wakes_fair_from_realtime", Ending::kPasses, kRealtime},
    {"inherits_along_a_chain", Ending::kPasses},
    {"inherits_along_a_chain", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"inherits_priority", Ending::kPasses, kRealtime},
    {"stays_due_while_it_waits", Ending::kPasses, kRealtime},
    {"goes_on_while_it_waits", Ending::kPasses, kRealtime},
    {"joins_threads", Ending::kPasses, "vcpus = 2\n"},
    {"keeps_unparks", Ending::kPasses, "vcpus = 2\n"},
    {"blocks_within_a_job", Ending::kPasses, kRealtime},
    {"changes_class", Ending::kPasses, kRealtime},
    {"preserves_registers", Ending::kPasses},
    {"survives_upcall_storm", Ending::kPasses, "vcpus = 2\n"},
    {"traps_under_a_storm", Ending::kPasses, "vcpus = 2\n"},
    {"dispatches_without_host", Ending::kPasses},
    {"spreads_threads", Ending::kPasses, "vcpus = 2\n"},
    {"gives_up_claims", Ending::kPasses, kRealtime},
    {"takes_late_answers", Ending::kPasses, kRealtime},
    {"yields_to_equals", Ending::kPasses},
    {"overflows_a_boot_stack", Ending::kFaults},
    {"overflows_its_stack", Ending::kFaults},
    {"writes_to_its_code", Ending::kFaults},
    {"executes_data", Ending::kFaults},
    {"faults", Ending::kFaults},
    {"makes_a_system_call", Ending::kRefused},
    {"ends_while_running", Ending::kPasses, kRealtime, "500ms"},
    {"ends_while_idle", Ending::kPasses, kRealtime, "500ms"},
    {"ends_while_polling", Ending::kPasses, "cmdline = \"candor.idle=poll\"\n", "500ms", "", "polls", 200},
    {"ends_while_preempted", Ending::kPasses, "[vm.realtime]\nbandwidth = 0.8\n", "1s", "", "steal_s", 0.3},
    {"ends_when_unmasked", Ending::kPasses, "", "500ms"},
    {"spins_masked", Ending::kHangs, "", "500ms"},
    {"scribbles_over_the_area", Ending::kAnyhow, kRealtime, "500ms"},
    {"rings_without_end", Ending::kPasses, kRealtime, "500ms"},
    {"lies_about_its_budget", Ending::kPasses, kRealtime, "500ms"},
};

const char* reason_of(Ending ending) {
  switch (ending) {
    case Ending::kFaults:
      return "fault";
    case Ending::kRefused:
      return "refused";
    case Ending::kHangs:
      return "hung";
    default:
      return "stopped";
  }
}

class Conformance : public testing::TestWithParam<std::tuple<const char*, Behaviour>> {};

TEST_P(Conformance, Holds) {
  const auto& [mode, behaviour] = GetParam();
  CANDOR_NEEDS_PROCESS();
  if (std::string_view(mode) == "aware") CANDOR_NEEDS_RANKS();
  // A neighbour on the same processor that must not be harmed, whatever the guest does.
  std::string config = fmt::format(
      "[host]\ncpus = \"CPU0\"\n\n[[vm]]\nname = \"guest\"\nimage = \"GUESTS/{}\"\nbackend = "
      "\"process\"\n{}\n",
      behaviour.guest, behaviour.keys);
  const bool bounded = behaviour.duration[0] != '\0';
  if (bounded) config += "[[vm]]\nname = \"neighbour\"\nimage = \"GUESTS/batch\"\n";
  std::vector<std::string> arguments = {"--mode", mode};
  if (bounded) arguments.insert(arguments.end(), {"--duration", behaviour.duration});

  const auto start = std::chrono::steady_clock::now();
  const Outcome o = run(config, arguments);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const auto& guest = o.guest("guest");
  ASSERT_FALSE(guest.is_null()) << o.out << o.err;
  switch (behaviour.ending) {
    case Ending::kPasses:
      EXPECT_EQ(guest["exit_code"], 0) << o.out << o.err;
      EXPECT_EQ(guest["exit_reason"], bounded ? "stopped" : "shutdown") << o.out << o.err;
      EXPECT_THAT(o.out, HasSubstr(std::string("guest| PASS ") + behaviour.guest));
      break;
    case Ending::kAnyhow:
      break;
    case Ending::kHangs:
      // Half a second, then the time that it is given to end, and starting and what a busy machine adds.
      EXPECT_GE(took.count(), 0.5 + kGraceSeconds);
      EXPECT_LE(took.count(), 0.5 + kGraceSeconds + 1.5);
      [[fallthrough]];
    default:
      EXPECT_EQ(guest["exit_reason"], reason_of(behaviour.ending)) << o.out << o.err;
      EXPECT_THAT(o.out, Not(HasSubstr("not reached")));
  }
  if (behaviour.figure != nullptr) {
    EXPECT_GE(guest[behaviour.figure], behaviour.at_least) << o.out << o.err;
  }
  if (bounded) {
    EXPECT_EQ(o.guest("neighbour")["exit_reason"], "stopped") << o.out << o.err;
    EXPECT_EQ(o.guest("neighbour")["exit_code"], 0) << o.out << o.err;
    EXPECT_GT(o.guest("neighbour")["work_units"], 100) << o.out << o.err;
  }
}

std::string name_of_case(const testing::TestParamInfo<Conformance::ParamType>& info) {
  const auto& [mode, behaviour] = info.param;
  return fmt::format("{}_{}{}", mode, behaviour.guest, behaviour.variant);
}

INSTANTIATE_TEST_SUITE_P(Process, Conformance,
                         testing::Combine(testing::Values("unaware", "aware"),
                                          testing::ValuesIn(kBehaviours)),
                         name_of_case);

}  // namespace
}  // namespace candor::e2e
