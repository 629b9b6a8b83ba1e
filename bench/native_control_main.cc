// native_control: runs the control of the benchmarks and prints what became of
// it as JSON, in the shape of `candor run --summary-json`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/work.h"
#include "bench/native_control.h"

namespace {

using namespace candor;
using bench::ControlThread;

/// "GUEST" is a batch thread, "GUEST:PERIOD_US:WORK_US" a periodic one.
ControlThread parse_thread(const std::string& text) {
  std::istringstream words(text);
  ControlThread thread;
  std::string period, work;
  std::getline(words, thread.guest, ':');
  if (std::getline(words, period, ':') && std::getline(words, work)) {
    thread.period = microseconds(std::stoll(period));
    thread.work = microseconds(std::stoll(work));
  }
  if (thread.guest.empty() || thread.work > thread.period ||
      (text.find(':') != std::string::npos && thread.work.ns <= 0))
    throw CLI::ValidationError(text, "is not GUEST or GUEST:PERIOD_US:WORK_US");
  return thread;
}

nlohmann::json json_of(const ControlThread& plan, bench::ControlThreadResult& result) {
  const auto us = [&](double percent) {
    return static_cast<double>(bench::percentile(result.latencies_ns, percent)) / 1e3;
  };
  const bool periodic = plan.period.ns != 0;
  return {{"name", periodic ? fmt::format("p{}", plan.period.ns / 1000) : "batch"},
          {"class", periodic ? "deadline" : "fair"},
          {"jobs", result.jobs},
          {"skipped", result.skipped},
          {"deadline_misses", result.misses + result.skipped},  // as in a guest's summary
          {"wakeup_us", {{"p50", us(50)}, {"p99", us(99)}, {"max", us(100)}}},
          {"cpu_s", static_cast<double>(result.cpu_ns) / 1e9},
          {"work_units", result.work_units}};
}

nlohmann::json json_of(const bench::ControlPlan& plan, bench::ControlResult& result) {
  nlohmann::json guests = nlohmann::json::array();
  for (std::size_t i = 0; i < plan.threads.size(); i++) {
    const std::string& name = plan.threads[i].guest;
    auto guest = std::find_if(guests.begin(), guests.end(), [&](const auto& g) { return g["name"] == name; });
    if (guest == guests.end()) {
      guests.push_back({{"name", name},
                        {"exit_reason", "shutdown"},
                        {"exit_code", 0},
                        {"cpu_s", 0.0},
                        {"steal_s", 0.0},
                        {"host_calls", 0},
                        {"work_units", 0},
                        {"threads", nlohmann::json::array()}});
      guest = guests.end() - 1;
    }
    bench::ControlThreadResult& thread = result.threads[i];
    (*guest)["threads"].push_back(json_of(plan.threads[i], thread));
    (*guest)["cpu_s"] = (*guest)["cpu_s"].get<double>() + static_cast<double>(thread.cpu_ns) / 1e9;
    (*guest)["steal_s"] = (*guest)["steal_s"].get<double>() + static_cast<double>(thread.delay_ns) / 1e9;
    (*guest)["work_units"] = (*guest)["work_units"].get<std::uint64_t>() + thread.work_units;
  }
  const bool fifo = result.policy == bench::RealtimePolicy::kFifo;
  return {{"mode", "control"},
          {"policy", fifo ? "SCHED_FIFO, rate-monotonic" : "SCHED_DEADLINE"},
          {"policy_note", result.policy_note},
          {"units_per_s", static_cast<double>(result.steps_per_ms) * 1000 / kStepsPerWorkUnit},
          {"duration_s", static_cast<double>(plan.duration.ns) / 1e9},
          {"host",
           {{"cpus", std::to_string(plan.processor)},
            {"rank_changes", 0},
            {"scheduler_cpu_s", 0.0},
            {"ranks", true}}},
          {"guests", guests}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The benchmarks' threads as native ones, on one processor"};
  bench::ControlPlan plan;
  double seconds = 10;
  bool deadline = false;
  std::vector<std::string> threads;
  app.add_option("--processor", plan.processor, "the one processor")->required();
  app.add_option("--seconds", seconds, "length of the run")->check(CLI::Range(0.1, 3600.0));
  app.add_flag("--deadline", deadline, "SCHED_DEADLINE where permitted, instead of SCHED_FIFO");
  app.add_option("threads", threads, "GUEST (batch) or GUEST:PERIOD_US:WORK_US")->required();
  try {
    app.parse(argc, argv);
    for (const std::string& text : threads) plan.threads.push_back(parse_thread(text));
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::logic_error& error) {  // a number that is none
    fmt::print(stderr, "native_control: {}\n", error.what());
    return 2;
  }
  plan.duration = nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  plan.policy = deadline ? bench::RealtimePolicy::kDeadline : bench::RealtimePolicy::kFifo;

  auto result = run_control(plan);
  if (!result) {
    fmt::print(stderr, "native_control: {}\n", result.error());
    return 3;
  }
  for (const bench::ControlThreadResult& thread : result->threads) {
    if (!thread.wrong_result) continue;
    fmt::print(stderr, "native_control: a unit of work had a wrong result\n");
    return 1;
  }
  fmt::print("{}\n", json_of(plan, *result).dump(1));
  return 0;
}
