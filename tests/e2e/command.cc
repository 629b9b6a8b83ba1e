#include "tests/e2e/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "cli/check.h"
#include "cli/config.h"
#include "cli/probe.h"

namespace candor::e2e {
namespace {

using std::chrono::milliseconds;

const nlohmann::json kNothing;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool poll_until(const std::function<bool()>& holds, milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

/// Field `n` of /proc/PID/stat, counted from the one after the name, which is 3.
std::string stat_field(pid_t pid, int n) {
  const std::string text = read_file(fmt::format("/proc/{}/stat", pid));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream rest(text.substr(name_end + 1));
  std::string word;
  for (int i = 3; i <= n; i++) rest >> word;
  return word;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

void copy_named_guests(std::string_view text, const std::filesystem::path& to) {
  constexpr std::string_view kBefore = "COPIES/";
  for (std::size_t at = 0; (at = text.find(kBefore, at)) != std::string_view::npos;) {
    at += kBefore.size();
    const std::string name(text.substr(at, text.find('"', at) - at));
    std::filesystem::copy_file(std::filesystem::path(CANDOR_GUESTS) / name, to / name);
    std::filesystem::permissions(to / name, std::filesystem::perms(0444));
  }
}

const nlohmann::json& named(const nlohmann::json& list, std::string_view name) {
  for (const auto& element : list)
    if (element["name"] == name) return element;
  return kNothing;
}

}  // namespace

const nlohmann::json& Outcome::guest(std::string_view name) const {
  return summary.is_null() ? kNothing : named(summary["guests"], name);
}

const nlohmann::json& Outcome::thread(std::string_view guest_name, std::string_view name) const {
  const nlohmann::json& g = guest(guest_name);
  return g.is_null() ? kNothing : named(g["threads"], name);
}

Command::Command(std::string_view config, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& through, Verb verb) {
  std::string pattern = (std::filesystem::temp_directory_path() / "candor-e2e-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
  directory_ = pattern;
  std::string text(config);
  copy_named_guests(text, directory_);
  replace_all(text, "COPIES/", (directory_ / "").string());
  replace_all(text, "GUESTS/", CANDOR_GUESTS "/");
  for (std::size_t i = 0; i < std::min<std::size_t>(processors().size(), 2); i++)
    replace_all(text, fmt::format("CPU{}", i), std::to_string(processors()[i]));
  std::ofstream(directory_ / "vms.toml") << text;

  // Whoever runs it may have less rights than this test.
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  std::vector<std::string> words = through;
  const std::string config_path = (directory_ / "vms.toml").string();
  const std::string summary_path = (directory_ / "summary.json").string();
  const bool runs = verb == Verb::kRun;
  for (const char* word : {CANDOR_COMMAND, runs ? "run" : "sim", config_path.c_str(),
                           runs ? "--summary-json" : "--json", summary_path.c_str()})
    words.emplace_back(word);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, (directory_ / "out").c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_addopen(&actions, 2, (directory_ / "err").c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  if (posix_spawnp(&pid_, argv.front(), &actions, nullptr, argv.data(), environ) != 0)
    throw std::runtime_error("cannot start " + words.front());
  posix_spawn_file_actions_destroy(&actions);
}

Command::~Command() {
  if (pid_ > 0) {
    const std::vector<pid_t> left = descendants();
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Command::signal(int signo) const {
  ::kill(pid_, signo);
}

bool Command::wait_for_output(std::string_view text) const {
  const auto there = [&] {
    return (read_file(directory_ / "out") + read_file(directory_ / "err")).find(text) != std::string::npos;
  };
  return poll_until(there, milliseconds(10'000));
}

std::vector<pid_t> Command::descendants() const {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const std::string parent = stat_field(pid, 4);
    if (!parent.empty()) children.emplace(std::atoi(parent.c_str()), pid);
  }
  std::vector<pid_t> found;
  std::vector<pid_t> open = {pid_};
  while (!open.empty()) {
    const auto range = children.equal_range(open.back());
    open.pop_back();
    for (auto it = range.first; it != range.second; ++it) {
      found.push_back(it->second);
      open.push_back(it->second);
    }
  }
  return found;
}

pid_t Command::descendant(std::string_view name) const {
  for (const pid_t pid : descendants())
    if (name_of(pid).rfind(name, 0) == 0) return pid;
  return 0;
}

Outcome Command::wait() {
  int status = 0;
  const bool ended = poll_until([&] { return waitpid(pid_, &status, WNOHANG) != 0; }, milliseconds(60'000));
  if (!ended) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  Outcome outcome;
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  outcome.out = read_file(directory_ / "out");
  outcome.err = read_file(directory_ / "err");
  outcome.summary = nlohmann::json::parse(read_file(directory_ / "summary.json"), nullptr, false);
  if (outcome.summary.is_discarded()) outcome.summary = nullptr;
  return outcome;
}

Outcome run(std::string_view config, const std::vector<std::string>& arguments,
            const std::vector<std::string>& through) {
  return Command(config, arguments, through).wait();
}

Outcome sim(std::string_view scenario, const std::vector<std::string>& arguments) {
  return Command(scenario, arguments, {}, Command::Verb::kSim).wait();
}

std::string name_of(pid_t pid) {
  std::string name = read_file(fmt::format("/proc/{}/comm", pid));
  if (!name.empty()) name.pop_back();
  return name;
}

std::vector<pid_t> threads_of(pid_t pid) {
  std::vector<pid_t> threads;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone))
    threads.push_back(std::atoi(entry.path().filename().c_str()));
  return threads;
}

bool lives(pid_t pid) {
  const std::string state = stat_field(pid, 3);
  return !state.empty() && state != "Z" && state != "X";
}

bool all_gone(const std::vector<pid_t>& pids) {
  return poll_until(
      [&] {
        for (const pid_t pid : pids)
          if (lives(pid)) return false;
        return true;
      },
      milliseconds(5'000));
}

const std::vector<int>& processors() {
  static const std::vector<int> kAllowed = [] {
    std::vector<int> allowed = cli::host_cpus().allowed;
    const char* first = std::getenv("CANDOR_TEST_PROCESSOR");
    if (first != nullptr)
      std::rotate(allowed.begin(), allowed.begin() + std::atoi(first) % static_cast<int>(allowed.size()),
                  allowed.end());
    return allowed;
  }();
  return kAllowed;
}

bool ranks_permitted() {
  bool permitted = false;
  std::thread([&] {
    const sched_param level = {1};
    permitted = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &level) == 0;
  }).join();
  return permitted;
}

bool namespaces_for_anybody() {
  constexpr unsigned kNobody = 65534;
  const auto error = cli::ask_child(
      []() -> std::int64_t {
        if (setresgid(kNobody, kNobody, kNobody) != 0 || setresuid(kNobody, kNobody, kNobody) != 0)
          return errno;
        return cli::probe_pid_namespace();
      },
      seconds(5));
  return error == 0;
}

std::string process_backend_missing() {
  // What `candor check` gathers, but for the slow measurement of /dev/kvm, which does not count here.
  cli::HostFacts facts = cli::read_host_files("/");
  facts.allowed = processors();
  facts.seccomp_error = cli::probe_seccomp();
  facts.pid_namespace_error = cli::probe_pid_namespace();
  const cli::CheckReport report = cli::judge(facts);
  if (report.process_backend) return "";
  std::string missing;
  for (const cli::CheckLine& line : report.lines)
    if (line.name == "seccomp" || line.name == "namespaces" || line.name == "addresses" ||
        line.name == "processors") {
      if (line.verdict == cli::Verdict::kNo) missing += fmt::format("{}: {}; ", line.name, line.fact);
    }
  return missing + "see candor check";
}

}  // namespace candor::e2e
