// The candor command.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "cli/check.h"
#include "cli/log.h"
#include "cli/run.h"
#include "cli/units.h"

namespace {

using namespace candor::cli;

int check(bool json) {
  const CheckReport report = judge(gather_host_facts());
  fmt::print("{}", json ? to_json(report) : to_text(report));
  return report.exit_status();
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
  run_command->add_flag("--runlist", options.run_list,
                        "print the composite run list on Enter, on SIGUSR1 and before the end");

  bool verbose = false;
  run_command->add_flag("--verbose", verbose, "say what happens to VMs and scheduler, and when");

  bool json = false;
  CLI::App* check_command = app.add_subcommand("check", "say what this host can do and what follows");
  check_command->add_flag("--json", json, "for programs");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAllInOrder : kUsage;
  }
  if (check_command->parsed()) return check(json);
  if (verbose) be_verbose();
  if (!duration.empty()) {
    options.duration = parse_duration(duration);
    if (!options.duration || *options.duration <= candor::Duration{}) {
      fmt::print(stderr,
                 "candor: --duration: value \"{}\" is not a time above 0; write for example 10s or 500ms\n",
                 duration);
      return kUsage;
    }
  }
  return run(options);
}
