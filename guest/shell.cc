#include "guest/shell.h"

#include "guest/console.h"
#include "guest/detect/detect.h"
#include "guest/inspect.h"
#include "guest/memory.h"
#include "guest/parse.h"
#include "guest/thread.h"
#include "guest/trace.h"
#include "guest/vcpu.h"

namespace candor {
namespace {

using namespace kernel;

constexpr std::size_t kMostCommands = 32;
constexpr std::size_t kLine = 128;

struct Command {
  std::string_view name, help;
  Shell::Function function;
};
Command commands[kMostCommands];
std::size_t command_count;
std::atomic<bool> started{false};

void help(std::string_view /*words*/) {
  for (std::size_t i = 0; i < command_count; i++) print("{}: {}\n", commands[i].name, commands[i].help);
}

void threads(std::string_view /*words*/) {
  print("{}\n", kThreadColumns);
  ThreadInfo info;
  for (std::size_t n = 0; thread_info(n, info); n++) {
    char memory[kPrintBytes - 1];
    TextBuffer buffer(memory, sizeof memory);
    format_thread(buffer, info);
    print("{}\n", buffer.text());
  }
}

void mem(std::string_view /*words*/) {
  const MemoryUse use = memory_use();
  print("{} KiB from the end of the image on, {} never used, {} in blocks of the heap\n", use.total >> 10,
        use.untouched >> 10, use.in_blocks >> 10);
}

void aware(std::string_view /*words*/) {
  if (kernel::kernel.dedicated)
    print("not on Candor: a machine of its own, {} processors\n", kernel::kernel.vcpus);
  else
    print("on Candor, {}: {} fair vCPUs, {} real-time ones, {} ppm for claims\n",
          kernel::kernel.aware ? "aware" : "unaware by host", kernel::kernel.fair_vcpus,
          kernel::kernel.vcpus - kernel::kernel.fair_vcpus, entitlement_ppm());
  const detect::Verdict verdict = detect::verdict();
  print("what has been looked at says: {} ({})\n", name_of(verdict.here), name_of(verdict.here.sure));
  print("idle: {}\n", kernel::kernel.idle == IdleMode::kCandid ? "candid"
                      : kernel::kernel.idle == IdleMode::kPoll ? "poll"
                                                               : "halt");
}

void trace(std::string_view words) {
  constexpr std::size_t kUsual = 20, kMost = 1000;
  const std::string_view word = take_word(words);
  const std::optional<std::uint64_t> wanted = word.empty() ? kUsual : parse_number(word);
  if (!wanted || *wanted > kMost)
    print("trace {}: it is a number up to {}\n", word, kMost);
  else
    print_trace(static_cast<std::size_t>(*wanted));
}

void shut_down(std::string_view /*words*/) {
  ask_to_stop();
}

void obey(std::string_view line) {
  std::string_view rest = line;
  const std::string_view name = take_word(rest);
  if (name.empty()) return;
  for (std::size_t i = 0; i < command_count; i++)
    if (commands[i].name == name) return commands[i].function(rest);
  print("{}: no such command; help lists them\n", name);
}

void run() {
  char line[kLine];
  std::size_t used = 0;
  bool too_long = false;
  while (!stopping()) {
    char got[32];
    const std::size_t count = console::read(got);
    for (std::size_t i = 0; i < count; i++) {
      const char c = got[i] == '\r' ? '\n' : got[i];
      if (c != '\n') {
        if (used < kLine)
          line[used++] = c;
        else
          too_long = true;
        continue;
      }
      if (too_long)
        print("more than {} characters in a line\n", kLine);
      else
        obey({line, used});
      used = 0;
      too_long = false;
    }
  }
}

}  // namespace

bool Shell::add(std::string_view name, std::string_view help, Function function) {
  if (command_count == kMostCommands) return false;
  commands[command_count++] = {name, help, function};
  return true;
}

void Shell::start() {
  if (started.exchange(true)) return;
  const bool all = add("help", "what there is", help) &&
                   add("threads", "all threads, what they do and use", threads) &&
                   add("trace", "the last events of the scheduler, 20 or as many as said", trace) &&
                   add("mem", "what memory is used for", mem) &&
                   add("aware", "where this runs, and what it tells its host", aware) &&
                   add("shutdown", "asks the guest to end, as its host would", shut_down);
  if (!all) print("shell: no room for the kernel's own commands\n");
  Thread::create("shell", Terms::fair(), run);
}

}  // namespace candor
