// From a disc, as a real machine starts: GRUB, Multiboot2.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/e2e/machine.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;

class Iso : public testing::Test {
 protected:
  void SetUp() override {
    CANDOR_NEEDS_MACHINE();
    if (std::system("command -v grub-mkrescue xorriso >/dev/null && test -d /usr/lib/grub/i386-pc") != 0)
      GTEST_SKIP() << "needs iso: grub-mkrescue, xorriso or grub-pc-bin is not installed";
    file_ = (std::filesystem::temp_directory_path() / fmt::format("candor-{}.iso", getpid())).string();
  }
  void TearDown() override { std::remove(file_.c_str()); }

  std::string file_;
};

TEST_F(Iso, StartsAGuestWithItsArguments) {
  ASSERT_EQ(std::system(fmt::format(CANDOR_TOOLS "/make_iso {} {} one two=2 candor.exit_port=244",
                                    guest_image("hello"), file_)
                            .c_str()),
            0);
  MachineOptions options;
  options.processors = 2;
  const MachineOutcome o = run_on_machine(file_, options);
  EXPECT_TRUE(o.ended);
  EXPECT_EQ(o.code, 0) << o.console;
  EXPECT_THAT(o.console, HasSubstr("candor: by Multiboot2"));
  EXPECT_THAT(o.console, HasSubstr("2 processors"));
  EXPECT_THAT(o.console, HasSubstr("argument: one\n"));
  EXPECT_THAT(o.console, HasSubstr("argument: two=2\n"));
}

TEST_F(Iso, WrongUseIsRefused) {
  EXPECT_EQ(WEXITSTATUS(std::system(CANDOR_TOOLS "/make_iso 2>/dev/null")), 2);
  EXPECT_EQ(WEXITSTATUS(std::system(CANDOR_TOOLS "/make_iso /nowhere x.iso 2>/dev/null")), 2);
  EXPECT_EQ(
      WEXITSTATUS(std::system(
          fmt::format(CANDOR_TOOLS "/make_iso {} x.iso 'a;b' 2>/dev/null", guest_image("hello")).c_str())),
      2);
}

}  // namespace
}  // namespace candor::e2e
