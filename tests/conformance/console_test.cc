// The console's two faces, from where people sit: one stream, in which nothing is lost and nothing comes
// twice.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/machine.h"
#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::string config_of(const char* guest, const char* cmdline = "", const char* cpus = "CPU0") {
  return fmt::format(
      "[host]\ncpus = \"{}\"\n\n[[vm]]\nname = \"guest\"\nimage = \"GUESTS/{}\"\nvcpus = 2\ncmdline = "
      "\"{}\"\n",
      cpus, guest, cmdline);
}

/// By writer "w0", "w1", ...: how many lines it wrote. Each must be there, once and in order, and nothing
/// else must come but what is in `others`.
std::map<std::string, int> count_numbered_lines(const std::string& out,
                                                const std::vector<std::string>& others,
                                                const std::string& prefix = "guest| ") {
  std::map<std::string, int> next;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(prefix, 0) != 0) continue;
    std::istringstream words(line.substr(prefix.size()));
    std::string writer, extra;
    int number;
    if (words >> writer >> number && !(words >> extra)) {
      EXPECT_EQ(number, next[writer]) << line;
      next[writer] = number + 1;
      continue;
    }
    bool known = false;
    for (const std::string& other : others) known = known || line.find(other) != std::string::npos;
    EXPECT_TRUE(known) << line;
  }
  return next;
}

/// As HasSubstr(), for an output that is too long to be shown.
testing::AssertionResult has(const std::string& out, const std::string& text) {
  if (out.find(text) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no \"" << text << "\"; its end: "
                                     << out.substr(out.size() - std::min<std::size_t>(out.size(), 500));
}

/// Of panics_while_others_print.
const std::string kLastWords = "panic: in the middle of it, with 1 to say\n";

/// What was printed before them; behind them must be nothing but what a panic tells besides, indented.
std::string before_last_words(const std::string& out, const std::string& prefix) {
  const std::size_t at = out.find(prefix + kLastWords);
  if (at == std::string::npos) {
    ADD_FAILURE() << has(out, kLastWords).message();
    return out;
  }
  std::istringstream rest(out.substr(at + prefix.size() + kLastWords.size()));
  for (std::string line; std::getline(rest, line) && line.rfind(prefix, 0) == 0 && !line.empty();)
    EXPECT_EQ(line.substr(prefix.size(), 2), "  ") << line;
  return out.substr(0, at);
}

class ConsoleFaces : public testing::TestWithParam<const char*> {};

TEST_P(ConsoleFaces, TenThousandChangesUnderLoadLoseAndDoubleNothing) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(config_of("switches_console_faces"), {"--mode", GetParam()});
  EXPECT_EQ(o.status, 0) << o.err;
  const auto lines = count_numbered_lines(o.out, {"candor: on Candor", "ends at", "PASS"});
  ASSERT_EQ(lines.size(), 4u);
  for (const auto& [writer, count] : lines) {
    EXPECT_GT(count, 100) << writer;
    EXPECT_TRUE(has(o.out, fmt::format("guest| {} ends at {}\n", writer, count)));
  }
  EXPECT_TRUE(has(o.out, "guest| PASS switches_console_faces\n"));
}

TEST_P(ConsoleFaces, APanicIsToldByTheHardwareFaceBehindAllThatWasPrinted) {
  CANDOR_NEEDS_PROCESS();
  // On two processors, if there are, the others print at that very moment.
  const char* const cpus = processors().size() > 1 ? "CPU0,CPU1" : "CPU0";
  for (int i = 0; i < 5; i++) {  // the host may have had them on one all the same
    const Outcome o = run(config_of("panics_while_others_print", "", cpus), {"--mode", GetParam()});
    EXPECT_EQ(o.guest("guest")["exit_code"], 101) << o.err;
    // Behind it the others wait for the console in vain.
    EXPECT_GT(count_numbered_lines(before_last_words(o.out, "guest| "), {"candor: on Candor"}).size(), 0u);
    EXPECT_GE(o.guest("guest")["port_accesses"], kLastWords.size());
  }
}

TEST_P(ConsoleFaces, ABootByTheRingTouchesNoPort) {
  CANDOR_NEEDS_PROCESS();
  const Outcome ring = run(config_of("hello"), {"--mode", GetParam()});
  EXPECT_EQ(ring.guest("guest")["port_accesses"], 0) << ring.out << ring.err;
  const Outcome uart = run(config_of("hello", "candor.console=uart"), {"--mode", GetParam()});
  EXPECT_GT(uart.guest("guest")["port_accesses"], 40) << uart.out << uart.err;
  const auto said = [](const Outcome& o) {
    return std::regex_replace(o.out.substr(0, o.out.find("\n\n")), std::regex("VMCPUID says in \\S+"), "");
  };
  EXPECT_EQ(said(ring), said(uart));
}

INSTANTIATE_TEST_SUITE_P(Modes, ConsoleFaces, testing::Values("unaware", "aware"),
                         [](const auto& test) { return std::string(test.param); });

/// What shell words put on standard input, and the guest's arguments.
struct Source {
  const char* name;
  const char* script;  // "$@" is the command
  const char* cmdline;
};

constexpr const char* kManyByPipe = "(seq 0 2999; echo end) | \"$@\"";

const Source kSources[] = {
    {"a_pipe", kManyByPipe, ""},
    {"a_pipe_to_the_uart", kManyByPipe, "candor.console=uart"},
    {"a_pipe_while_faces_change", kManyByPipe, "switching"},
    {"a_slow_pipe", "(for i in 0 1 2; do sleep 0.1; echo $i; done; sleep 0.1; echo end; sleep 0.1) | \"$@\"",
     ""},
    {"a_file", "f=$(mktemp); (seq 0 2999; echo end) > $f; \"$@\" < $f; s=$?; rm $f; exit $s", ""},
};

class ConsoleInput : public testing::TestWithParam<Source> {};

TEST_P(ConsoleInput, ComesWholeAndInOrder) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(config_of("reads_its_console", GetParam().cmdline),
                        {"--mode", "unaware", "--console", "guest", "--duration", "20s"},
                        {"sh", "-c", GetParam().script, "sh"});
  EXPECT_EQ(o.status, 0) << o.out << o.err;
  EXPECT_THAT(o.out, HasSubstr("guest| PASS reads_its_console\n")) << o.err;
}

INSTANTIATE_TEST_SUITE_P(From, ConsoleInput, testing::ValuesIn(kSources),
                         [](const auto& test) { return std::string(test.param.name); });

// Whoever types may stay silent, or be gone.
TEST(ConsoleReader, EndsWhenItsVmIsToEnd) {
  CANDOR_NEEDS_PROCESS();
  for (const char* script : {"(echo 0; sleep 1) | \"$@\"", "\"$@\" < /dev/null"}) {
    const Outcome o =
        run(config_of("reads_its_console"),
            {"--mode", "unaware", "--console", "guest", "--duration", "300ms"}, {"sh", "-c", script, "sh"});
    EXPECT_EQ(o.status, 0) << o.out << o.err;
    EXPECT_EQ(o.guest("guest")["exit_reason"], "stopped") << o.err;
    EXPECT_THAT(o.out, HasSubstr("guest| PASS reads_its_console\n")) << o.err;
  }
}

TEST(ConsoleReader, ThatIsTheSecondPanicsAndNamesBoth) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(config_of("two_read_the_console"), {"--mode", "unaware"});
  EXPECT_EQ(o.guest("guest")["exit_code"], 101) << o.out << o.err;
  EXPECT_THAT(o.out,
              HasSubstr("guest| panic: console::read by main while first reads: one thread at a time may\n"));
}

TEST(ConsoleOfNobody, IsRefusedBeforeAnythingStarts) {
  const Outcome o = run(config_of("hello"), {"--mode", "unaware", "--console", "guset"});
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("--console: there is no VM \"guset\"; choose one of \"guest\""));
  EXPECT_EQ(o.out, "");
}

TEST(ConsoleArgument, ThatIsNoFaceIsAPanic) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(config_of("hello", "candor.console=screen"), {"--mode", "unaware"});
  EXPECT_EQ(o.guest("guest")["exit_code"], 101);
  EXPECT_THAT(o.out, HasSubstr("guest| panic: candor.console=screen: it is ring or uart\n"));
}

TEST(ConsoleShell, AnswersAndEndsTheGuest) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(
      config_of("ends_while_idle", "candor.shell=on candor.trace=on"),
      {"--mode", "unaware", "--console", "guest", "--duration", "20s"},
      {"sh", "-c",
       "printf 'help\\nthreads\\nmem\\naware\\ntrace 3\\ntrace x\\nnonsense\\nshutdown\\n' | \"$@\"", "sh"});
  EXPECT_EQ(o.status, 0) << o.out << o.err;
  for (const char* line :
       {"guest| threads: ", "guest| main             fair        ",
        "guest| shell            fair        runs    ", " never used, ",
        "guest| on Candor, unaware by host: 2 fair vCPUs, 0 real-time ones",
        "guest| trace x: it is a number up to 1000\n", "guest| nonsense: no such command; help lists them\n",
        "guest| PASS ends_while_idle\n"})
    EXPECT_THAT(o.out, HasSubstr(line));
  // Its own dispatch is among the last.
  EXPECT_THAT(o.out, ContainsRegex("guest\\| -[0-9.]+(ns|us|ms|s) vCPU [01] shell runs\n"));
}

TEST(ConsolePanic, TellsWhereAndWhatAllThreadsDid) {
  CANDOR_NEEDS_PROCESS();
  const Outcome o = run(config_of("panics_with_its_threads", "candor.trace=16"), {"--mode", "unaware"});
  EXPECT_EQ(o.guest("guest")["exit_code"], 101) << o.out << o.err;
  for (const char* line : {"guest| panic: on purpose, for the 3th time\nguest|   in thread main, on vCPU ",
                           "guest|   called from 1", "guest|   main             fair        runs ",
                           "guest|   sleeper          background  sleeps ",
                           "guest|   the last events of this vCPU's trace:\nguest|   -"})
    EXPECT_THAT(o.out, HasSubstr(line));
  EXPECT_THAT(o.out, ContainsRegex("guest\\|   -[0-9.]+(ns|us|ms|s) vCPU [01] main runs\n"));
}

TEST(ConsolePanic, TellsWhatANumberOfRecordsMayBe) {
  CANDOR_NEEDS_PROCESS();
  for (const char* word : {"candor.trace=15", "candor.trace=65537", "candor.trace=0", "candor.trace=yes"}) {
    const Outcome o = run(config_of("hello", word), {"--mode", "unaware"});
    EXPECT_THAT(o.out, HasSubstr(std::string("panic: ") + word +
                                 ": it is on, off or a number of records from 16 to 65536\n"));
  }
}

// On machines of their own, whose kernel passes the ring on to the real registers.
class ConsoleOnMachine : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    CANDOR_NEEDS_MACHINE();
    options_.processors = GetParam();
  }
  MachineOptions options_;
};

TEST_P(ConsoleOnMachine, TenThousandChangesUnderLoadLoseAndDoubleNothing) {
  const MachineOutcome o = run_on_machine(guest_image("switches_console_faces"), options_);
  EXPECT_EQ(o.code, 0);
  const auto lines = count_numbered_lines(o.console, {"candor: ", "ends at", "PASS"}, "");
  ASSERT_EQ(lines.size(), 4u);
  for (const auto& [writer, count] : lines)
    EXPECT_TRUE(has(o.console, fmt::format("{} ends at {}\n", writer, count)));
  EXPECT_TRUE(has(o.console, "PASS switches_console_faces\n"));
}

TEST_P(ConsoleOnMachine, APanicIsToldBehindAllThatWasPrinted) {
  const MachineOutcome o = run_on_machine(guest_image("panics_while_others_print"), options_);
  EXPECT_EQ(o.code, 101);
  count_numbered_lines(before_last_words(o.console, ""), {"candor: "}, "");
}

TEST_P(ConsoleOnMachine, InputComesWholeAndInOrder) {
  for (int i = 0; i < 3000; i++) options_.input += fmt::format("{}\n", i);
  options_.input += "end\n";
  for (const char* cmdline : {"", "switching", "candor.console=uart"}) {
    options_.cmdline = cmdline;
    const MachineOutcome o = run_on_machine(guest_image("reads_its_console"), options_);
    EXPECT_EQ(o.code, 0) << o.console;
    EXPECT_TRUE(has(o.console, "PASS reads_its_console\n"));
  }
}

TEST_P(ConsoleOnMachine, TheShellAnswersAndEndsTheGuest) {
  options_.input = "threads\nmem\naware\ntrace\nnonsense\nshutdown\n";
  options_.cmdline = "candor.shell=on";
  const MachineOutcome o = run_on_machine(guest_image("ends_while_idle"), options_);
  EXPECT_EQ(o.code, 0) << o.console;
  for (const char* line :
       {"\nshell            fair", " never used, ", "not on Candor: a machine of its own, ",
        "there is no trace; candor.trace=on on the command line keeps one\n",
        "nonsense: no such command; help lists them\n", "PASS ends_while_idle\n"})
    EXPECT_THAT(o.console, HasSubstr(line));
}

INSTANTIATE_TEST_SUITE_P(Processors, ConsoleOnMachine, testing::Values(1, 4),
                         [](const auto& test) { return std::to_string(test.param); });

}  // namespace
}  // namespace candor::e2e
