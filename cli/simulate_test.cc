#include "cli/simulate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cli/run.h"
#include "sim/run.h"

namespace candor::cli {
namespace {

constexpr const char* kScenario = R"(
name = "test"
runs = 20
processors = [1, 2]
policies = ["composite", "fair"]
[axis]
name = "VMs"
values = [1, 2, 3]
[[vm]]
name = "vm"
count = "axis"
[[vm.thread]]
name = "loop"
class = "deadline"
period = "10ms"
work = "1ms"
)";

/// What follows from the arguments alone, after a time that does not.
sim::RunResult fake_run(const sim::Workload& workload, sim::Policy policy, const sim::RunOptions& options) {
  static std::atomic<int> calls = 0;
  std::this_thread::sleep_for(std::chrono::microseconds(++calls % 7 * 100));
  sim::RunResult result;
  result.duration = options.duration;
  sim::SetResult set;
  set.set = workload.vms.at(0).threads.at(0).set;
  set.cls = CANDOR_CLASS_DEADLINE;
  set.threads = workload.vms.size();
  set.jobs = options.seed % 50;
  set.misses = options.seed % 2 == 0 ? static_cast<std::uint64_t>(policy) : 0;
  set.response.add(Duration{static_cast<std::int64_t>(options.seed % 1'000'000)});
  result.sets.push_back(set);
  return result;
}

class Simulate : public testing::Test {
 protected:
  Simulate() {
    std::string pattern = (std::filesystem::temp_directory_path() / "candor-simulate-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    std::ofstream(directory_ / "test.toml") << kScenario;
  }
  ~Simulate() override { std::filesystem::remove_all(directory_); }

  std::string json(unsigned jobs) {
    SimOptions options;
    options.file = directory_ / "test.toml";
    options.json = directory_ / "test.json";
    options.jobs = jobs;
    EXPECT_EQ(simulate(options, fake_run), kAllInOrder);
    std::ifstream file(*options.json);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::filesystem::path directory_;
};

TEST_F(Simulate, OneThreadAndFourFindTheSame) {
  const std::string one = json(1);
  EXPECT_NE(one.find("\"misses\": 1"), std::string::npos) << one;
  EXPECT_EQ(one, json(4));
}

TEST_F(Simulate, NothingRunsWhereAnythingIsWrong) {
  SimOptions options;
  options.file = directory_ / "nowhere.toml";
  const auto never = [](const sim::Workload&, sim::Policy, const sim::RunOptions&) {
    ADD_FAILURE();
    return sim::RunResult{};
  };
  EXPECT_EQ(simulate(options, never), kUsage);
  options.file = directory_ / "test.toml";
  options.policies = {"fare"};
  EXPECT_EQ(simulate(options, never), kUsage);
  options.policies = {};
  options.json = directory_ / "nowhere" / "x.json";
  EXPECT_EQ(simulate(options, never), kUsage);
  options.json.reset();
  options.pictures = directory_ / "test.toml";
  EXPECT_EQ(simulate(options, never), kUsage);
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// What `candor sim` writes of a scenario file, really simulated.
std::string simulated(const std::filesystem::path& file, const std::filesystem::path& json, unsigned jobs) {
  SimOptions options;
  options.file = file;
  options.json = json;
  options.jobs = jobs;
  EXPECT_EQ(simulate(options, sim::run), kAllInOrder);
  return text_of(json);
}

TEST_F(Simulate, ThreadsOfRtAppAndTracesRunUnderEveryPolicy) {
  const std::filesystem::path file = std::filesystem::path(CANDOR_SOURCE) / "cli/testdata/guests.toml";
  const std::string text = simulated(file, directory_ / "a.json", 1);
  EXPECT_EQ(text, simulated(file, directory_ / "b.json", 3)) << "the same each time";
  const auto json = nlohmann::json::parse(text);
  ASSERT_EQ(json["points"].size(), std::size(sim::kPolicies));
  for (const auto& point : json["points"]) {
    SCOPED_TRACE(point["policy"].get<std::string>());
    EXPECT_EQ(point["refused"], 0);
    std::map<std::string, nlohmann::json> sets;
    for (const auto& set : point["sets"]) sets[set["set"]] = set;
    ASSERT_EQ(sets.size(), 5U);
    EXPECT_EQ(sets["app/control"]["class"], "deadline");
    EXPECT_EQ(sets["app/report"]["class"], "fair");
    EXPECT_EQ(sets["app/batch"]["class"], "background");
    EXPECT_EQ(sets["traced/packets"]["jobs"], 10) << "five in each run, and no more";
    EXPECT_EQ(sets["traced/packets"]["work_us"], 2 * 2750.5);
    EXPECT_EQ(sets["traced/log"]["jobs"], 10);
    EXPECT_EQ(sets["app/report"]["jobs"], 100) << "one for each long job";
    if (point["policy"] == "fair") continue;
    EXPECT_EQ(sets["app/control"]["jobs"], 200);
    EXPECT_EQ(sets["app/control"]["misses"], 0);
    EXPECT_EQ(sets["app/control"]["work_us"], 2 * 125'000.0);
    EXPECT_EQ(sets["traced/packets"]["misses"], 0);
  }
}

TEST_F(Simulate, TheRtAppExampleShowsWhatItIsAbout) {
  const std::filesystem::path file = std::filesystem::path(CANDOR_SOURCE) / "examples/sim/rt-app.toml";
  const auto json = nlohmann::json::parse(simulated(file, directory_ / "a.json", 2));
  for (const auto& point : json["points"]) {
    if (point["load"] != 4) continue;
    for (const auto& set : point["sets"]) {
      if (set["set"] != "player/audio" && set["set"] != "player/video") continue;
      EXPECT_GT(set["jobs"], 700) << set;
      if (point["policy"] == "composite") {
        EXPECT_EQ(set["misses"], 0) << set;
      } else if (point["policy"] == "fair") {
        EXPECT_GT(set["misses"], 0) << set;
      }
    }
  }
}

// Of the first run under policy composite, wherever that is in the list: here the VM has one claim, later
// more.
TEST_F(Simulate, TheTraceHasTheFirstRunOfTheComposite) {
  SimOptions options;
  options.file = directory_ / "test.toml";
  options.policies = {"fair", "composite"};
  options.duration = milliseconds(100);
  options.runs = 2;
  options.trace = directory_ / "trace.json";
  ASSERT_EQ(simulate(options, sim::run), kAllInOrder);
  std::ifstream file(*options.trace);
  const auto trace = nlohmann::json::parse(file);
  std::map<std::string, nlohmann::json> events;
  for (const auto& event : trace["traceEvents"]) events.emplace(event["name"], event);
  EXPECT_EQ(trace["traceEvents"].size(), 4u) << "its VM, track, answer and rank";
  ASSERT_TRUE(events.contains("loop: admitted"));
  ASSERT_TRUE(events.contains("loop"));
  EXPECT_EQ(events["loop"]["ph"], "X");
  EXPECT_LT(events["loop"]["ts"], 100'000.0);
  EXPECT_EQ(events["loop"]["ts"].get<double>() + events["loop"]["dur"].get<double>(), 100'000.0);
  EXPECT_EQ(events["loop"]["args"]["processor"], 0);
}

TEST_F(Simulate, ATraceNeedsThePolicyThatExplainsItself) {
  SimOptions options;
  options.file = directory_ / "test.toml";
  options.policies = {"fair"};
  options.trace = directory_ / "trace.json";
  EXPECT_EQ(simulate(options, fake_run), kUsage);
  EXPECT_FALSE(std::filesystem::exists(*options.trace));
  options.policies = {"composite"};
  options.trace = "/nowhere/trace.json";
  EXPECT_EQ(simulate(options, fake_run), kUsage);
}

}  // namespace
}  // namespace candor::cli
