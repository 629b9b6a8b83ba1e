#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/sim_json.h"
#include "cli/sim_pictures.h"
#include "cli/sim_table.h"

namespace candor::cli {
namespace {

using sim::Policy;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

struct Found {
  sim::Scenario scenario;
  sim::ScenarioResult result;
};

sim::Point point(Policy policy, double load, std::uint64_t misses) {
  sim::Point p;
  p.policy = policy;
  p.processors = 2;
  p.load = load;
  p.runs = 4;
  p.met = misses == 0 ? 4 : 1;
  p.wall_s = 0.25;
  p.sum.duration = seconds(4);
  p.sum.harmful = 8;
  sim::SetResult set;
  set.set = "jobs";
  set.cls = CANDOR_CLASS_DEADLINE;
  set.threads = 3;
  set.jobs = 200;
  set.misses = misses;
  set.work = seconds(2);
  for (int i = 0; i < 200; ++i) {
    set.response.add(milliseconds(2));
    set.wakeup.add(microseconds(5));
  }
  p.sum.sets.push_back(set);
  p.sum.vms.push_back({.name = "vm", .weight = 100, .work = seconds(2)});
  return p;
}

Found sweep() {
  Found found;
  found.scenario.name = found.result.name = "sweep";
  found.scenario.title = found.result.title = "A <sweep>";
  found.scenario.processors = {2};
  found.scenario.policies = {Policy::kComposite, Policy::kFair};
  found.scenario.runs = 4;
  found.scenario.duration = seconds(1);
  found.scenario.axis = sim::Axis{.name = "utilisation", .values = {0.5, 1}, .labels = {}};
  found.scenario.shown.push_back({.measure = sim::Measure::kMet, .set = "", .title = "", .limit = {}});
  found.scenario.shown.push_back(
      {.measure = sim::Measure::kMisses, .set = "", .title = "Too late", .limit = 1});
  found.result.axis = "utilisation";
  found.result.seed = 1;
  found.result.points = {point(Policy::kComposite, 0.5, 0), point(Policy::kComposite, 1, 0),
                         point(Policy::kFair, 0.5, 0), point(Policy::kFair, 1, 20)};
  return found;
}

Found single() {
  Found found = sweep();
  found.scenario.axis.reset();
  found.scenario.shown.clear();
  found.result.axis.clear();
  found.result.points = {point(Policy::kComposite, 0, 0), point(Policy::kFair, 0, 20)};
  return found;
}

TEST(SimTable, OfASweepHasALineForEachPolicyAndAColumnForEachLoad) {
  const Found found = sweep();
  EXPECT_EQ(sim_table(found.scenario, found.result),
            "A <sweep>\n"
            "4 runs of 1s virtual time at each point, seed 1\n"
            "\n"
            "Runs in which every deadline is met, %, by utilisation:\n"
            "processors  policy     0.5    1\n"
            "2           composite  100  100\n"
            "2           fair       100   25\n"
            "\n"
            "Too late, %, of jobs, by utilisation (limit: 1):\n"
            "processors  policy     0.5   1\n"
            "2           composite    0   0\n"
            "2           fair         0  10\n");
}

TEST(SimTable, WithoutAxisHasALineForEachSet) {
  const Found found = single();
  const std::string text = sim_table(found.scenario, found.result);
  EXPECT_THAT(text, HasSubstr("Deadlines missed, %, of jobs:\n"
                              "policy     2 processors\n"
                              "composite             0\n"
                              "fair                 10\n"));
  EXPECT_THAT(text, HasSubstr("processors  policy     threads  jobs  missed  refused  response ms "
                              "p50/p99/max  wake-up ms p50/p99/max  "
                              "work %\n"
                              "2           composite  jobs      200       0        0                2 / 2 / "
                              "2   0.005 / 0.005 / 0.005"
                              "      25\n"));
}

TEST(SimJson, HasWhatCheckersRead) {
  const Found found = sweep();
  const auto json = nlohmann::json::parse(sim_json(found.scenario, found.result));
  EXPECT_EQ(json["name"], "sweep");
  EXPECT_EQ(json["axis"], "utilisation");
  ASSERT_EQ(json["points"].size(), 4U);
  const auto& p = json["points"][3];
  EXPECT_EQ(p["policy"], "fair");
  EXPECT_EQ(p["processors"], 2);
  EXPECT_EQ(p["load"], 1);
  EXPECT_EQ(p["met_fraction"], 0.25);
  EXPECT_EQ(p["counters"]["harmful_preemptions"], 8);
  EXPECT_EQ(p["vms"][0]["work_us"], 2e6);
  const auto& set = p["sets"][0];
  EXPECT_EQ(set["set"], "jobs");
  EXPECT_EQ(set["class"], "deadline");
  EXPECT_EQ(set["jobs"], 200);
  EXPECT_EQ(set["misses"], 20);
  EXPECT_EQ(set["refused"], 0);
  for (const char* key : {"p50", "p90", "p99", "p999", "max"}) {
    EXPECT_EQ(set["response_us"][key], 2000);
    EXPECT_EQ(set["wakeup_us"][key], 5);
  }
}

TEST(SimJson, HasTimesOfThisMachineOnlyWhereTheyAreAskedFor) {
  Found found = sweep();
  EXPECT_THAT(sim_json(found.scenario, found.result), Not(HasSubstr("wall_s")));
  found.scenario.shown[0].measure = sim::Measure::kCost;
  EXPECT_THAT(sim_json(found.scenario, found.result), HasSubstr("\"wall_s\": 0.25"));
}

TEST(SimPictures, ThereIsOneForEachMeasureAndNumberOfProcessors) {
  const Found found = sweep();
  const std::vector<Picture> pictures = draw_pictures(found.scenario, found.result);
  ASSERT_THAT(pictures, SizeIs(2));
  EXPECT_EQ(pictures[0].file, "sweep-met-2.svg");
  EXPECT_EQ(pictures[1].file, "sweep-misses-jobs-2.svg");
  EXPECT_THAT(pictures[0].svg, HasSubstr("<polyline"));
  EXPECT_THAT(pictures[1].svg, HasSubstr(">Too late<"));
  EXPECT_THAT(pictures[1].svg, HasSubstr(">limit: 1 %<"));
}

TEST(SimPictures, NamesOnTheAxisMakeBars) {
  Found found = sweep();
  found.scenario.axis->labels = found.result.labels = {"none", "lies"};
  found.scenario.axis->values = {0, 1};
  for (sim::Point& p : found.result.points) p.load = p.load == 1 ? 1 : 0;
  const std::vector<Picture> pictures = draw_pictures(found.scenario, found.result);
  EXPECT_THAT(pictures[0].svg, Not(HasSubstr("<polyline")));
  EXPECT_THAT(pictures[0].svg, HasSubstr(">utilisation: lies<"));
  EXPECT_THAT(sim_table(found.scenario, found.result), HasSubstr("policy     none  lies\n"));
}

TEST(SimPictures, ThePageHoldsAllAndNeedsNothing) {
  const Found found = sweep();
  const std::vector<Picture> pictures = draw_pictures(found.scenario, found.result);
  const std::string page = picture_page(found.scenario, found.result, pictures);
  EXPECT_THAT(page, HasSubstr("<h1>A &lt;sweep&gt;</h1>"));
  for (const Picture& picture : pictures) {
    EXPECT_THAT(page, HasSubstr(picture.svg));
    EXPECT_THAT(page, HasSubstr(picture.reading));
  }
  EXPECT_THAT(page, HasSubstr("<dt>composite</dt>"));
  for (const char* outside : {"<script", "src=", "href=", "url("}) EXPECT_THAT(page, Not(HasSubstr(outside)));
  EXPECT_EQ(page, picture_page(found.scenario, found.result, draw_pictures(found.scenario, found.result)));
}

}  // namespace
}  // namespace candor::cli
