#include "cli/simulate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>

#include "cli/log.h"
#include "cli/rank_trace.h"
#include "cli/run.h"
#include "cli/scenario.h"
#include "cli/sim_json.h"
#include "cli/sim_pictures.h"
#include "cli/sim_table.h"

namespace candor::cli {
namespace {

using Clock = std::chrono::steady_clock;

bool write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) say("\"{}\" cannot be written: {}; choose a path that can", path.string(), std::strerror(errno));
  return static_cast<bool>(file);
}

/// How far it is, on a terminal, a few times a second.
class ProgressLine {
 public:
  explicit ProgressLine(std::size_t all) : all_(all), shown_(isatty(STDERR_FILENO) == 1) {}
  ~ProgressLine() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void one_more() {
    ++over_;
    const auto now = Clock::now();
    if (!shown_ || now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    fmt::print(stderr, "\r\033[K{} of {} runs", over_, all_);
  }

 private:
  std::size_t all_, over_ = 0;
  bool shown_;
  Clock::time_point last_;
};

sim::ScenarioResult run_all(const sim::Scenario& scenario, const sim::RunFunction& run, unsigned threads) {
  sim::Experiment experiment(scenario, run);
  ProgressLine progress(experiment.size());
  std::mutex mutex;
  std::size_t left = experiment.size();
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (left > 0) {
      // From the end, where the largest usually are: begun last, one would be waited for alone.
      const std::size_t number = --left;
      lock.unlock();
      const auto begin = Clock::now();
      sim::RunResult result = experiment.run(number);
      const std::chrono::duration<double> took = Clock::now() - begin;
      lock.lock();
      experiment.add(number, std::move(result), took.count());
      progress.one_more();
    }
  };
  {
    std::vector<std::jthread> others(std::min<std::size_t>(threads, left) - 1);
    for (std::jthread& other : others) other = std::jthread(work);
    work();
  }
  return experiment.take();
}

bool write_pictures(const std::filesystem::path& directory, const sim::Scenario& scenario,
                    const sim::ScenarioResult& result) {
  const std::vector<Picture> pictures = draw_pictures(scenario, result);
  bool good = write(directory / "index.html", picture_page(scenario, result, pictures));
  for (const Picture& picture : pictures) good = good && write(directory / picture.file, picture.svg);
  return good;
}

/// Where the policy is the first of the scenario's that makes decisions: the number of its first run.
std::optional<std::size_t> first_composite(const sim::Scenario& scenario) {
  const auto at = std::ranges::find(scenario.policies, sim::Policy::kComposite);
  if (at == scenario.policies.end()) return std::nullopt;
  const auto before = static_cast<std::size_t>(at - scenario.policies.begin());
  return before * scenario.loads().size() * scenario.runs;
}

host::TraceEvent traced(const sim::Decided& decided, const sim::Workload& workload) {
  host::TraceEvent event;
  event.at_ns = decided.at.ns;
  event.kind = decided.answer ? host::TraceKind::kAnswer : host::TraceKind::kRank;
  event.vm = decided.vm;
  event.vcpu = decided.vcpu;
  event.processor = decided.processor;
  event.thread = decided.thread;
  event.why = decided.why;
  if (!decided.answer) return event;
  event.answer = *decided.answer;
  const std::string& name = workload.vms[decided.vm].threads[decided.thread].name;
  name.copy(event.name, sizeof event.name - 1);
  return event;
}

/// Runs the first run once more: it is the same each time.
bool write_trace(const std::filesystem::path& path, const sim::Scenario& scenario,
                 const sim::RunFunction& run) {
  std::ofstream file(path, std::ios::binary);
  TraceWriter writer(file, sim::kRunStart, kRanksInForce);
  RankTrace trace(writer);
  const auto watched = [&](const sim::Workload& workload, sim::Policy policy, sim::RunOptions options) {
    for (std::uint32_t vm = 0; vm < workload.vms.size(); ++vm) trace.add_vm(vm, workload.vms[vm].name);
    options.watch = [&](const sim::Decided& decided) { trace.add(traced(decided, workload)); };
    return run(workload, policy, options);
  };
  const sim::RunResult result = sim::Experiment(scenario, watched).run(*first_composite(scenario));
  trace.end(sim::kRunStart + result.duration);
  if (writer.flush()) return true;
  say("\"{}\" cannot be written: {}; choose a path that can", path.string(), std::strerror(errno));
  return false;
}

/// Found out before anything runs, and not when there is something to write that would be lost.
bool can_write_outputs(const SimOptions& options) {
  const auto can_write = [](const char* option, const std::optional<std::filesystem::path>& path) {
    if (!path || std::ofstream(*path, std::ios::app)) return true;
    say("{}: \"{}\" cannot be written: {}; choose a path that can", option, path->string(),
        std::strerror(errno));
    return false;
  };
  if (!can_write("--json", options.json) || !can_write("--trace", options.trace)) return false;
  if (options.pictures) {
    std::error_code error;
    std::filesystem::create_directories(*options.pictures, error);
    if (!error && access(options.pictures->c_str(), W_OK) != 0) error.assign(errno, std::generic_category());
    if (error) {
      say("--pictures: \"{}\" is no directory that can be written to: {}; choose another",
          options.pictures->string(), error.message());
      return false;
    }
  }
  return true;
}

}  // namespace

int simulate(const SimOptions& options, const sim::RunFunction& run) {
  auto scenario = load_scenario(options.file);
  if (!scenario) {
    for (const std::string& message : scenario.error()) say("{}", message);
    return kUsage;
  }
  if (!options.policies.empty()) {
    auto policies = parse_policies(options.policies);
    if (!policies) {
      say("--policy: {}", policies.error());
      return kUsage;
    }
    scenario->policies = std::move(*policies);
  }
  scenario->runs = options.runs.value_or(scenario->runs);
  scenario->seed = options.seed.value_or(scenario->seed);
  scenario->duration = options.duration.value_or(scenario->duration);
  if (options.trace && !first_composite(*scenario)) {
    say("--trace: only policy composite explains itself; add it to the scenario's, or to --policy");
    return kUsage;
  }
  if (!can_write_outputs(options)) return kUsage;

  const sim::ScenarioResult result = run_all(*scenario, run, options.jobs);
  // Files first: whoever reads standard output may be gone.
  bool good = !options.json || write(*options.json, sim_json(*scenario, result));
  good = (!options.pictures || write_pictures(*options.pictures, *scenario, result)) && good;
  good = (!options.trace || write_trace(*options.trace, *scenario, run)) && good;
  const std::string text = sim_table(*scenario, result);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return good ? kAllInOrder : kSomeNot;
}

}  // namespace candor::cli
