#include "tests/e2e/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace candor::e2e {
namespace {

using std::chrono::steady_clock;

constexpr const char* kQemu = "qemu-system-x86_64";
constexpr int kExitPort = 0xf4;

std::string in_path(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + std::string(program);
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

/// Its standard input is `input`, the rest goes to `log`; it ends with this thread at the latest.
pid_t start(std::vector<std::string> words, int input, const std::string& log) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("cannot fork");
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(input, 0);
  dup2(out, 1);
  dup2(out, 2);
  execvp(argv[0], argv.data());
  _exit(127);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

MachineOutcome run_on_machine(const std::string& image, const MachineOptions& options) {
  std::string pattern = (std::filesystem::temp_directory_path() / "candor-machine-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
  const std::filesystem::path directory = pattern;
  const bool button = options.press_power_after.count() > 0;
  // Where the console goes: with input it shares the standard streams.
  const bool types = !options.input.empty();
  const std::filesystem::path console = directory / (types ? "log" : "console");
  std::vector<std::string> words = {kQemu,
                                    "-accel",
                                    "tcg",
                                    "-cpu",
                                    options.cpu,
                                    "-smp",
                                    std::to_string(options.processors),
                                    "-m",
                                    fmt::format("{}M", options.memory_mib),
                                    "-display",
                                    "none",
                                    "-nodefaults",
                                    "-no-reboot",
                                    "-serial",
                                    types ? "stdio" : "file:" + console.string(),
                                    "-monitor",
                                    types ? "none" : "stdio"};
  std::string cmdline = options.cmdline;
  if (!button) {
    words.insert(words.end(), {"-device", fmt::format("isa-debug-exit,iobase={},iosize=4", kExitPort)});
    cmdline += fmt::format(" candor.exit_port={}", kExitPort);
  }
  if (image.ends_with(".iso"))
    words.insert(words.end(), {"-cdrom", image});
  else
    words.insert(words.end(), {"-kernel", image, "-append", cmdline});

  int monitor[2];
  if (pipe2(monitor, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  const auto begin = steady_clock::now();
  const pid_t pid = start(words, monitor[0], (directory / "log").string());
  close(monitor[0]);
  MachineOutcome outcome;
  int status = 0;
  bool typed = !types;
  std::optional<steady_clock::time_point> booted;
  for (bool pressed = !button; steady_clock::now() < begin + std::chrono::seconds(60);) {
    if (waitpid(pid, &status, WNOHANG) == pid) {
      outcome.ended = true;
      break;
    }
    if (!booted && (!pressed || !typed) &&
        contents(console).find("candor: not on Candor") != std::string::npos)
      booted = steady_clock::now();
    if (!pressed && booted && steady_clock::now() >= *booted + options.press_power_after) {
      constexpr std::string_view kPress = "system_powerdown\n";
      pressed = write(monitor[1], kPress.data(), kPress.size()) == static_cast<ssize_t>(kPress.size());
    }
    if (!typed && booted)
      typed = write(monitor[1], options.input.data(), options.input.size()) ==
              static_cast<ssize_t>(options.input.size());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (!outcome.ended) {
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  close(monitor[1]);
  outcome.console = contents(console);
  if (outcome.ended && WIFEXITED(status)) {
    // The device of the exit port makes 2n + 1 of n; 1 without a console is QEMU's own failure.
    const int raw = WEXITSTATUS(status);
    outcome.code = raw == 0 ? 0 : raw % 2 == 1 && !outcome.console.empty() ? raw / 2 : -1;
    if (outcome.code < 0) outcome.console += contents(directory / "log");
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return outcome;
}

std::string guest_image(std::string_view name) {
  return fmt::format("{}/{}", CANDOR_GUESTS, name);
}

std::string machine_missing() {
  return in_path(kQemu).empty() ? fmt::format("{} is not installed", kQemu) : "";
}

}  // namespace candor::e2e
