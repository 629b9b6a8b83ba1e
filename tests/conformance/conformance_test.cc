// What every back end and every mode must do alike: one tiny guest for each
// behaviour (tests/guests), which judges itself or is expected to be ended.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tests/e2e/machine.h"
#include "tests/e2e/needs.h"
#include "vmm/vm_process.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;

constexpr double kGraceSeconds = static_cast<double>(vmm::kShutdownGraceNs) / 1e9;

enum class Ending {
  kPasses,   // says so, with exit code 0
  kPanics,   // panics, with exit code 101, and says what `says` has
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
  const char* says = "";
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
    {"keeps_unparks", Ending::kPasses},
    {"keeps_unparks", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"reuses_threads", Ending::kPasses, "vcpus = 2\n"},
    {"blocks_within_a_job", Ending::kPasses, kRealtime},
    {"changes_class", Ending::kPasses, kRealtime},
    {"preserves_registers", Ending::kPasses},
    {"survives_upcall_storm", Ending::kPasses, "vcpus = 2\n"},
    {"traps_under_a_storm", Ending::kPasses, "vcpus = 2\n"},
    {"traps_under_a_storm", Ending::kPasses, "vcpus = 2\ncmdline = \"ports\"\n", "", "_by_ports"},
    {"dispatches_without_host", Ending::kPasses},
    {"spreads_threads", Ending::kPasses, "vcpus = 2\n"},
    {"gives_up_claims", Ending::kPasses, kRealtime},
    {"takes_late_answers", Ending::kPasses, kRealtime},
    {"yields_to_equals", Ending::kPasses},
    {"semaphores", Ending::kPasses},
    {"semaphores", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"event_flags", Ending::kPasses, "vcpus = 2\n"},
    {"condition_variables", Ending::kPasses},
    {"condition_variables", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"message_queues", Ending::kPasses},
    {"message_queues", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"locks_for_a_time", Ending::kPasses},
    {"locks_for_a_time", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"random_operations", Ending::kPasses},
    {"random_operations", Ending::kPasses, "vcpus = 4\n", "", "_across_vcpus"},
    {"soak", Ending::kPasses, kRealtime},
    {"soak", Ending::kPasses, "vcpus = 2\n[vm.realtime]\nbandwidth = 0.3\n", "", "_across_vcpus"},
    {"timers_call", Ending::kPasses},
    {"timers_call", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"defers_work", Ending::kPasses},
    {"defers_work", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"defers_work", Ending::kPanics, "cmdline = \"masked\"\n", "", "_cancelled_while_masked", nullptr, 0,
     "Deferred::cancel waits with upcalls masked"},
    {"defers_work", Ending::kPanics, "cmdline = \"used\"\n", "", "_whose_thread_goes", nullptr, 0,
     "the thread workers of deferred functions is destroyed, but 1 of them use it"},
    {"watches_threads", Ending::kPasses},
    {"watches_threads", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"watches_threads", Ending::kPanics, "cmdline = \"zero\"\n", "", "_with_no_limit", nullptr, 0,
     "watchdog hasty: the limit must be more than 0, but is 0"},
    {"watches_threads", Ending::kPanics, "cmdline = \"masked\"\n", "", "_stopped_while_masked", nullptr, 0,
     "Watchdog::stop waits with upcalls masked"},
    {"watches_threads", Ending::kPanics, "cmdline = \"idle\"\n", "", "_that_are_idle", nullptr, 0,
     "watchdog left: forgetful has not fed it for "},
    {"starves_a_watchdog", Ending::kPanics, "", "", "", nullptr, 0,
     "watchdog control loop: steps has not fed it for "},
    {"cancels_threads", Ending::kPasses},
    {"cancels_threads", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"pools", Ending::kPasses},
    {"pools", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"pools", Ending::kPanics, "cmdline = \"twice\"\n", "", "_given_back_twice", nullptr, 0,
     "Pool::destroy: twice, of the object at "},
    {"pools", Ending::kPanics, "cmdline = \"foreign\"\n", "", "_given_what_is_not_theirs", nullptr, 0,
     "Pool::destroy: none of this pool's objects is at "},
    {"pools", Ending::kPanics, "cmdline = \"left\"\n", "", "_that_go_too_early", nullptr, 0,
     "a pool is destroyed while 1 of its 4 objects exist"},
    {"static_threads", Ending::kPasses, kRealtime},
    {"static_threads", Ending::kPasses, "vcpus = 2\n", "", "_across_vcpus"},
    {"static_threads", Ending::kFaults, "cmdline = \"overflow\"\n", "", "_that_overflow"},
    {"static_threads", Ending::kPanics, "cmdline = \"twice\"\n", "", "_started_twice", nullptr, 0,
     "second is started in the memory of first, which has not ended"},
    {"static_threads", Ending::kPanics, "cmdline = \"gone\"\n", "", "_whose_memory_goes", nullptr, 0,
     "the memory of first goes, but the thread has not ended"},
    {"frees_twice", Ending::kPanics, "", "", "", nullptr, 0, "delete: the memory at "},
    {"frees_what_is_not_its", Ending::kPanics, "", "", "", nullptr, 0, "delete: the memory at "},
    {"writes_beyond_its_block", Ending::kPanics, "", "", "", nullptr, 0,
     "delete: somebody has written beyond the 20 bytes at "},
    {"panics_with_its_threads", Ending::kPanics, "", "", "", nullptr, 0, "on purpose, for the 3th time\n"},
    {"waits_while_masked", Ending::kPanics, "", "", "", nullptr, 0,
     "Semaphore::acquire waits with upcalls masked"},
    {"waits_for_no_flag", Ending::kPanics, "", "", "", nullptr, 0, "EventFlags::wait: no flag is waited for"},
    {"destroys_what_is_waited_for", Ending::kPanics, "", "", "", nullptr, 0,
     "a semaphore is destroyed while waiting waits for it"},
    {"unlocks_anothers_mutex", Ending::kPanics, "", "", "", nullptr, 0,
     "mutex theirs: main unlocks it, but only its holder may, and that is owner"},
    {"counts_cpu_time", Ending::kPasses},
    {"shares_by_slices", Ending::kPasses},
    {"changes_priorities", Ending::kPasses},
    {"enforces_reserves", Ending::kPasses, "cmdline = \"candor.placement=fair\"\n"},
    {"shares_work", Ending::kPasses, "vcpus = 2\n"},
    {"shares_work", Ending::kPasses, "vcpus = 8\n", "", "_on_eight"},
    {"shares_work", Ending::kPasses, "vcpus = 63\n[vm.realtime]\nbandwidth = 0.3\n", "", "_on_64"},
    {"obeys_switches", Ending::kPasses, "vcpus = 2\n[vm.realtime]\nbandwidth = 0.5\n"},
    {"obeys_switches", Ending::kPasses,
     "vcpus = 2\ncmdline = \"candor.publish=off publish\"\n[vm.realtime]\nbandwidth = 0.5\n", "", "_publish"},
    {"obeys_switches", Ending::kPasses,
     "vcpus = 2\ncmdline = \"candor.placement=fair placement\"\n[vm.realtime]\nbandwidth = 0.5\n", "",
     "_placement"},
    {"obeys_switches", Ending::kPasses,
     "vcpus = 2\ncmdline = \"candor.wake_claims=off wake_claims\"\n[vm.realtime]\nbandwidth = 0.5\n", "",
     "_wake_claims"},
    {"obeys_switches", Ending::kPasses,
     "vcpus = 2\ncmdline = \"candor.locks=spin locks\"\n[vm.realtime]\nbandwidth = 0.5\n", "", "_locks"},
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
    {"uses_uart_ports", Ending::kPasses},
    {"prices_console_faces", Ending::kPasses},
    {"uses_the_library", Ending::kPasses, "vcpus = 2\n"},
    {"asks_for_what_is_not_there", Ending::kPanics, "", "", "", nullptr, 0, "out of range: map::at"},
    {"fits_into_1_mib", Ending::kPasses, "memory = \"1MiB\"\n"},
    {"traces_its_events", Ending::kPasses, "cmdline = \"candor.trace=200\"\n"},
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
    case Ending::kPanics:
      EXPECT_EQ(guest["exit_code"], 101) << o.out << o.err;
      EXPECT_THAT(o.out, HasSubstr(std::string("panic: ") + behaviour.says));
      EXPECT_THAT(o.out, Not(HasSubstr("not reached")));
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
  const Behaviour& behaviour = std::get<1>(info.param);
  return fmt::format("{}{}", behaviour.guest, behaviour.variant);
}

/// Those that do not run with any number of processors.
enum class Only {
  kOne,      // what it is about must happen on the same processor
  kSeveral,  // it needs more than one
  kNever,    // it is about the host
};
const std::map<std::string_view, Only> kOnly = {
    {"preserves_registers", Only::kOne},       {"inherits_priority", Only::kOne},
    {"yields_to_equals", Only::kOne},          {"wakes_between_vcpus", Only::kSeveral},
    {"survives_upcall_storm", Only::kSeveral}, {"spreads_threads", Only::kNever},
    {"traps_under_a_storm", Only::kNever},     {"takes_late_answers", Only::kNever},
    {"ends_while_preempted", Only::kNever},    {"spins_masked", Only::kNever},
    {"scribbles_over_the_area", Only::kNever}, {"rings_without_end", Only::kNever},
    {"lies_about_its_budget", Only::kNever},   {"uses_uart_ports", Only::kNever},
    {"prices_console_faces", Only::kNever},    {"shares_work", Only::kSeveral},
};

std::vector<Behaviour> behaviours_on(int processors) {
  std::vector<Behaviour> chosen;
  for (const Behaviour& b : kBehaviours) {
    const auto only = kOnly.find(b.guest);
    const bool wanted =
        only == kOnly.end() || only->second == (processors == 1 ? Only::kOne : Only::kSeveral);
    // A variant differs in the keys of its VM, which is no machine.
    if (wanted && b.variant[0] == '\0') chosen.push_back(b);
  }
  return chosen;
}

// The same guests on machines of their own, where the kernel is its own host: tests by the same names.
class MachineConformance : public testing::TestWithParam<std::tuple<int, Behaviour>> {};

TEST_P(MachineConformance, Holds) {
  const auto& [processors, behaviour] = GetParam();
  CANDOR_NEEDS_MACHINE();
  MachineOptions options;
  options.processors = processors;
  if (std::string_view(behaviour.guest) == "ends_while_polling") options.cmdline = "candor.idle=poll";
  if (std::string_view(behaviour.guest) == "traces_its_events") options.cmdline = "candor.trace=200";
  if (behaviour.duration[0] != '\0') options.press_power_after = std::chrono::milliseconds(300);
  const MachineOutcome o = run_on_machine(guest_image(behaviour.guest), options);
  ASSERT_TRUE(o.ended) << o.console;
  EXPECT_THAT(o.console, HasSubstr("candor: not on Candor"));
  if (behaviour.ending == Ending::kPasses) {
    EXPECT_EQ(o.code, 0) << o.console;
    EXPECT_THAT(o.console, HasSubstr(std::string("PASS ") + behaviour.guest));
  } else {
    constexpr int kPanic = 101;
    EXPECT_EQ(o.code, kPanic) << o.console;
    EXPECT_THAT(o.console, HasSubstr(std::string("panic: ") + behaviour.says));
    EXPECT_THAT(o.console, Not(HasSubstr("not reached")));
  }
}

std::string name_on_machine(const testing::TestParamInfo<MachineConformance::ParamType>& info) {
  return std::get<1>(info.param).guest;
}

INSTANTIATE_TEST_SUITE_P(OneProcessor, MachineConformance,
                         testing::Combine(testing::Values(1), testing::ValuesIn(behaviours_on(1))),
                         name_on_machine);

#ifdef CANDOR_EVERY_SHAPE

INSTANTIATE_TEST_SUITE_P(FourProcessors, MachineConformance,
                         testing::Combine(testing::Values(4), testing::ValuesIn(behaviours_on(4))),
                         name_on_machine);

// The kernel's own behaviours once more, whatever vCPUs a VM has: on two processors, one or four fair vCPUs,
// without and with real-time ones.
struct Shape {
  int vcpus;
  bool realtime;
};

class ShapeConformance : public testing::TestWithParam<std::tuple<Shape, Behaviour>> {};

TEST_P(ShapeConformance, Holds) {
  const auto& [shape, behaviour] = GetParam();
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  const std::string config =
      fmt::format("[host]\ncpus = \"{}\"\n[[vm]]\nname = \"guest\"\nimage = \"GUESTS/{}\"\nvcpus = {}\n{}",
                  processors().size() > 1 ? "CPU0,CPU1" : "CPU0", behaviour.guest, shape.vcpus,
                  shape.realtime ? kRealtime : "");
  const Outcome o = run(config, {"--mode", "aware"});
  EXPECT_EQ(o.status, 0) << o.out << o.err;
  EXPECT_THAT(o.out, HasSubstr(std::string("guest| PASS ") + behaviour.guest));
}

std::vector<Behaviour> behaviours_in(Shape shape) {
  std::vector<Behaviour> chosen;
  for (const Behaviour& b : behaviours_on(shape.vcpus)) {
    const std::string_view keys = b.keys;
    const bool own = b.ending == Ending::kPasses && b.duration[0] == '\0';
    const bool about_claims = keys.find("realtime") != keys.npos;  // there is nothing to see without
    const bool about_a_key = keys.find("cmdline") != keys.npos || keys.find("memory") != keys.npos;
    // Of several vCPUs each has a few of its threads, and waits in between.
    const bool needs_one = std::string_view(b.guest) == "dispatches_without_host";
    if (own && !about_a_key && (shape.realtime || !about_claims) && (shape.vcpus == 1 || !needs_one))
      chosen.push_back(b);
  }
  return chosen;
}

std::string name_in_shape(const testing::TestParamInfo<ShapeConformance::ParamType>& info) {
  return std::get<1>(info.param).guest;
}

#define CANDOR_SHAPE(name, ...)                                                                   \
  INSTANTIATE_TEST_SUITE_P(name, ShapeConformance,                                                \
                           testing::Combine(testing::Values(Shape __VA_ARGS__),                   \
                                            testing::ValuesIn(behaviours_in(Shape __VA_ARGS__))), \
                           name_in_shape)
CANDOR_SHAPE(OneVcpu, {1, false});
CANDOR_SHAPE(OneVcpuAndRealtime, {1, true});
CANDOR_SHAPE(FourVcpus, {4, false});
CANDOR_SHAPE(FourVcpusAndRealtime, {4, true});
#undef CANDOR_SHAPE

INSTANTIATE_TEST_SUITE_P(Unaware, Conformance,
                         testing::Combine(testing::Values("unaware"), testing::ValuesIn(kBehaviours)),
                         name_of_case);

#endif  // CANDOR_EVERY_SHAPE

INSTANTIATE_TEST_SUITE_P(Aware, Conformance,
                         testing::Combine(testing::Values("aware"), testing::ValuesIn(kBehaviours)),
                         name_of_case);

}  // namespace
}  // namespace candor::e2e
