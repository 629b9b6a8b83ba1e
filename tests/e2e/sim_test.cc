// `candor sim` as its users meet it: scenario files, figures, files that it writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/command.h"

namespace candor::e2e {
namespace {

using testing::HasSubstr;

constexpr const char* kTwo = R"(
name = "two"
duration = "200ms"
policies = ["composite", "fair"]
[[vm]]
name = "control"
[[vm.thread]]
name = "loop"
class = "deadline"
period = "10ms"
work = "1ms"
[[vm]]
name = "batch"
[[vm.thread]]
name = "busy"
)";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Sim, PrintsATableAndWritesFigures) {
  const Outcome o = sim(kTwo, {});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("control/loop"));
  ASSERT_EQ(o.summary["points"].size(), 2U);
  const auto& set = o.summary["points"][0]["sets"][0];
  EXPECT_EQ(set["set"], "control/loop");
  EXPECT_GE(set["jobs"], 19);
}

TEST(Sim, TheSameSeedGivesTheSameFiguresOnAnyNumberOfThreads) {
  const std::vector<std::string> how = {"--runs", "6", "--jobs"};
  std::vector<Outcome> outcomes;
  for (const char* jobs : {"1", "4"}) {
    std::vector<std::string> arguments = how;
    arguments.emplace_back(jobs);
    outcomes.push_back(sim(kTwo, arguments));
  }
  EXPECT_EQ(outcomes[0].status, 0) << outcomes[0].err;
  EXPECT_EQ(outcomes[0].out, outcomes[1].out);
  EXPECT_EQ(outcomes[0].summary.dump(), outcomes[1].summary.dump());
}

TEST(Sim, ABadFileIsRefusedWithPlaceAndRemedyBeforeAnythingRuns) {
  const Outcome o = sim("name = \"x\"\nrunss = 3\n[[vm]]\nname = \"a\"\n[[vm.thread]]\nname = \"t\"\n", {});
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("vms.toml:2:1: key \"runss\" is unknown; did you mean \"runs\"?"));
  EXPECT_EQ(o.out, "");
  EXPECT_TRUE(o.summary.is_null());
}

TEST(Sim, UsageErrorsHaveTheirOwnStatus) {
  EXPECT_EQ(sim(kTwo, {"--policy", "fare"}).status, 2);
  EXPECT_THAT(sim(kTwo, {"--policy", "fare"}).err, HasSubstr("did you mean \"fair\"?"));
  EXPECT_EQ(sim(kTwo, {"--jobs", "0"}).status, 2);
  EXPECT_EQ(sim(kTwo, {"--runs", "0"}).status, 2);
  EXPECT_EQ(sim(kTwo, {"--duration", "3"}).status, 2);
  EXPECT_EQ(sim(kTwo, {"--pictures", "/dev/null/x"}).status, 2);
}

TEST(Sim, OnlyTheNamedPoliciesRun) {
  const Outcome o = sim(kTwo, {"--policy", "credit2,static-fifo"});
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.summary["points"][0]["policy"], "credit2");
  EXPECT_EQ(o.summary["points"][1]["policy"], "static-fifo");
}

TEST(Sim, PicturesAreOnOnePage) {
  std::string directory = (std::filesystem::temp_directory_path() / "candor-sim-XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::filesystem::path pictures = std::filesystem::path(directory) / "new";
  const Outcome o = sim(kTwo, {"--pictures", pictures.string()});
  EXPECT_EQ(o.status, 0) << o.err;
  const std::string page = read(pictures / "index.html");
  EXPECT_THAT(page, HasSubstr(read(pictures / "two-response-control-loop.svg")));
  EXPECT_THAT(page, HasSubstr(">composite<"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace candor::e2e
