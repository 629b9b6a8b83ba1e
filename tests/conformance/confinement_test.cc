// The wall between a guest and the host's kernel: whatever of Linux a guest
// tries, past its own kernel, is refused and ends it (tests/guests/tries.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Attempt {
  const char* name;
  const char* reason;  // of its end
};

const Attempt kAttempts[] = {
    // Rights to memory that it may not have.
    {"protect_ram_executable", "refused"},
    {"protect_area", "refused"},
    {"protect_tender", "refused"},
    {"protect_other_bits", "refused"},
    // Permitted calls with other arguments.
    {"futex_in_ram", "refused"},
    {"futex_behind_area", "refused"},
    {"futex_private", "refused"},
    {"futex_realtime_clock", "refused"},
    {"futex_requeue", "refused"},
    {"write_elsewhere", "refused"},
    {"write_to_no_bell", "refused"},
    {"write_another_length", "refused"},
    {"signal_another", "refused"},
    {"signal_otherwise", "refused"},
    // Other calls, and the other ways into the kernel.
    {"x32_call", "refused"},
    {"open", "refused"},
    {"socket", "refused"},
    {"clone", "refused"},
    {"execve", "refused"},
    {"mmap", "refused"},
    {"ia32_call", "fault"},  // SIGSYS, without ceremony
    // Memory that is not its own.
    {"read_old_stack", "fault"},
    {"read_behind_tender", "fault"},
    {"write_to_tender_text", "fault"},
    {"write_to_host_page", "fault"},
    // Ports other than the console's, and those otherwise than a byte at a time by DX.
    {"port_below", "fault"},
    {"port_above", "fault"},
    {"port_by_number", "fault"},
    {"port_word", "fault"},
    {"port_double_word", "fault"},
    {"port_string", "fault"},
    {"port_with_prefix", "fault"},
    // No signal reaches it any more, but for the last.
    {"forged_signal_frame", "hung"},
};

class Confinement : public testing::TestWithParam<Attempt> {};

TEST_P(Confinement, EndsTheGuestAlone) {
  CANDOR_NEEDS_PROCESS();
  const Attempt& attempt = GetParam();
  const bool hangs = std::string_view(attempt.reason) == "hung";
  const Outcome o =
      run(std::string("[host]\ncpus = \"CPU0\"\n\n[[vm]]\nname = \"guest\"\nimage = \"GUESTS/tries\"\n") +
              "cmdline = \"" + attempt.name + "\"\n",
          hangs ? std::vector<std::string>{"--mode", "unaware", "--duration", "300ms"}
                : std::vector<std::string>{"--mode", "unaware"});
  const auto& guest = o.guest("guest");
  ASSERT_FALSE(guest.is_null()) << o.out << o.err;
  EXPECT_THAT(o.out, HasSubstr(std::string("guest| trying ") + attempt.name)) << o.err;
  EXPECT_THAT(o.out, Not(HasSubstr("not reached")));
  EXPECT_EQ(guest["exit_reason"], attempt.reason) << o.out << o.err;
}

INSTANTIATE_TEST_SUITE_P(Tries, Confinement, testing::ValuesIn(kAttempts),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace candor::e2e
