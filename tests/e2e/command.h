// Runs the real `candor` command for a test.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace candor::e2e {

/// What a finished command left.
struct Outcome {
  int status = -1;  // exit status; 256 + signal if it was killed
  std::string out, err;
  nlohmann::json summary;  // null if there is none

  /// The guest of that name in the summary; null if it is not there.
  [[nodiscard]] const nlohmann::json& guest(std::string_view name) const;
  /// One of its threads.
  [[nodiscard]] const nlohmann::json& thread(std::string_view guest_name, std::string_view name) const;
};

/// A running `candor run`, or `candor sim`. Destroying it kills whatever is left of it.
class Command {
 public:
  enum class Verb { kRun, kSim };

  /// Writes `config` to a file of its own and starts `candor run` (or `verb`) on it with
  /// `arguments`, by way of the command `through` if there is one. "GUESTS/" in
  /// the text stands for the folder of built guests, "COPIES/" before a name for a
  /// folder with a copy of that guest which everybody may read, "CPU0" and "CPU1" for the
  /// first two processors that this process may use.
  Command(std::string_view config, const std::vector<std::string>& arguments,
          const std::vector<std::string>& through = {}, Verb verb = Verb::kRun);
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int signo) const;
  /// Waits until `text` has appeared in what it printed; false after 10 s.
  [[nodiscard]] bool wait_for_output(std::string_view text) const;
  /// All descendants that live now, tenders of the process back end included.
  [[nodiscard]] std::vector<pid_t> descendants() const;
  /// The first descendant whose command name begins with `name`; 0 if there is none.
  [[nodiscard]] pid_t descendant(std::string_view name) const;
  /// Waits for the end; kills it after 60 s, which shows in the status.
  Outcome wait();

 private:
  std::filesystem::path directory_;
  pid_t pid_ = -1;
};

/// Start to end.
Outcome run(std::string_view config, const std::vector<std::string>& arguments,
            const std::vector<std::string>& through = {});

/// `candor sim`, start to end; the summary is its JSON.
Outcome sim(std::string_view scenario, const std::vector<std::string>& arguments);

/// The name of a process or thread ("" if it is gone).
std::string name_of(pid_t pid);
/// Threads of `pid`, by id.
std::vector<pid_t> threads_of(pid_t pid);
/// True if the process is there and no zombie.
bool lives(pid_t pid);
/// Polls until none of them lives; false after 5 s.
bool all_gone(const std::vector<pid_t>& pids);

/// Processors that this process may use, in order; from the one that CANDOR_TEST_PROCESSOR counts to, so that
/// tests can run side by side.
const std::vector<int>& processors();

/// Whether this host lets us set SCHED_FIFO.
bool ranks_permitted();
/// Why this host cannot confine guests, as `candor check` judges; "" if it can.
std::string process_backend_missing();
/// Whether users without any right may make PID namespaces here (not in a chroot, for one). Needs root.
bool namespaces_for_anybody();

}  // namespace candor::e2e
