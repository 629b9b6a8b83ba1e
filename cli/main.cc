// The candor command.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <thread>

#include "cli/check.h"
#include "cli/log.h"
#include "cli/run.h"
#include "cli/simulate.h"
#include "cli/units.h"
#include "sim/run.h"

namespace {

using namespace candor::cli;

int check(bool json) {
  const CheckReport report = judge(gather_host_facts());
  fmt::print("{}", json ? to_json(report) : to_text(report));
  return report.exit_status();
}

CLI::App* add_sim(CLI::App& app, SimOptions& options, std::string& duration) {
  CLI::App* command = app.add_subcommand("sim", "simulate a scenario under several schedulers");
  command->add_option("FILE", options.file, "scenario file (docs/simulator.md)")->required();
  command->add_option("--json", options.json, "write all figures to this file, too");
  command->add_option("--pictures", options.pictures, "write pictures and index.html to this directory");
  command->add_option("--trace", options.trace,
                      "write the first run's changes of ranks, and why, to this file for ui.perfetto.dev");
  command->add_option("--policy", options.policies, "only these schedulers: composite,fair,...")
      ->delimiter(',');
  command->add_option("--runs", options.runs, "runs at each point, instead of the file's")
      ->check(CLI::Range(1U, 1'000'000U));
  command->add_option("--seed", options.seed, "instead of the file's");
  command->add_option("--duration", duration,
                      "virtual time of each run, for example 2s, instead of the file's");
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  command->add_option("--jobs", options.jobs, "threads; the result is the same with any number")
      ->check(CLI::Range(1U, 1'024U));
  return command;
}

/// Nothing where none is given; a message where it is none.
bool read_duration(const std::string& text, std::optional<candor::Duration>& duration) {
  if (text.empty()) return true;
  duration = parse_duration(text);
  if (duration && *duration > candor::Duration{}) return true;
  fmt::print(stderr,
             "candor: --duration: value \"{}\" is not a time above 0; write for example 10s or 500ms\n",
             text);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Candor, a hypervisor for guests that know they are in a virtual machine");
  app.require_subcommand(1);
  app.set_version_flag("--version", CANDOR_VERSION);

  RunOptions options;
  std::string duration;
  const std::map<std::string, Mode> modes = {{"unaware", Mode::kUnaware},
                                             {"static-rt", Mode::kStaticRt},
                                             {"static-dl", Mode::kStaticDl},
                                             {"aware", Mode::kAware}};
  CLI::App* run_command = app.add_subcommand("run", "run the VMs of a configuration file");
  run_command->add_option("FILE", options.file, "configuration file (docs/configuration.md)")->required();
  run_command->add_option("--mode", options.mode, "unaware, static-rt, static-dl or aware (default)")
      ->transform(CLI::CheckedTransformer(modes, CLI::ignore_case));
  run_command->add_option("--duration", duration, "end after this time, for example 10s; default: Ctrl-C");
  run_command->add_option("--summary-json", options.summary_json, "write the summary to this file, too")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  run_command
      ->add_option("--trace", options.trace,
                   "write what scheduler and guests do, and why, to this file for ui.perfetto.dev")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  run_command->add_option("--console", options.console, "give standard input to the console of this VM")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  run_command->add_flag(
      "--runlist", options.run_list,
      "print the composite run list on Enter (without --console), on SIGUSR1 and before the end");

  bool verbose = false;
  run_command->add_flag("--verbose", verbose, "say what happens to VMs and scheduler, and when");

  bool json = false;
  CLI::App* check_command = app.add_subcommand("check", "say what this host can do and what follows");
  check_command->add_flag("--json", json, "for programs");

  SimOptions sim_options;
  std::string sim_duration;
  CLI::App* sim_command = add_sim(app, sim_options, sim_duration);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAllInOrder : kUsage;
  }
  if (check_command->parsed()) return check(json);
  if (sim_command->parsed())
    return read_duration(sim_duration, sim_options.duration) ? simulate(sim_options, candor::sim::run)
                                                             : kUsage;
  if (verbose) be_verbose();
  if (!read_duration(duration, options.duration)) return kUsage;
  return run(options);
}
