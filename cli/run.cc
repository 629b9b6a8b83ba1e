#include "cli/run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

#include "cli/config.h"
#include "cli/log.h"
#include "cli/run_list.h"
#include "cli/run_trace.h"
#include "cli/summary.h"
#include "cli/units.h"
#include "host/registration.h"
#include "host/scheduler_client.h"
#include "vmm/console_output.h"
#include "vmm/cpu/backend.h"
#include "vmm/vm_process.h"

namespace candor::cli {
namespace {

using vmm::monotonic_ns;

// The run counts from an instant at which every VM should have started.
constexpr std::uint64_t kStartNs = 50'000'000;
constexpr std::uint64_t kStartPerVmNs = 10'000'000;
// A VM process that is itself stuck gets this much longer than its guest.
constexpr std::uint64_t kPatienceNs = vmm::kShutdownGraceNs + 3'000'000'000;
// Where guest code's unprivileged identities begin when the launcher is root.
constexpr uid_t kFirstUid = 0x43540000;

/// One VM as the launcher sees it.
struct Vm {
  vmm::VmSpec spec;
  vmm::Image image;
  RealtimeConfig realtime;
  pid_t pid = -1;
  Fd socket;
  vmm::VmReport report = {};
  bool ended = false;
  std::optional<vmm::VmMemory> memory;  // if it is to be traced, until the trace has it
};

std::optional<std::vector<Vm>> make_vms(const Config& config, Mode mode) {
  std::vector<Vm> vms(config.vms.size());
  bool good = true;
  for (std::size_t i = 0; i < vms.size(); i++) {
    const VmConfig& from = config.vms[i];
    Vm& vm = vms[i];
    // Only an aware guest has a use for vCPUs of two kinds.
    const std::uint32_t realtime_vcpus = mode == Mode::kAware ? from.realtime_vcpus() : 0;
    auto image = vmm::read_image(from.image, from.memory_bytes, from.vcpus + realtime_vcpus);
    if (!image.ok()) {
      say("{} {}", from.image_place, image.error());
      good = false;
      continue;
    }
    vm.image = std::move(*image);
    if (from.realtime) vm.realtime = *from.realtime;
    vm.spec = {
        .name = from.name,
        .cmdline = from.cmdline,
        .image = &vm.image,
        .memory_bytes = from.memory_bytes,
        .fair_vcpus = from.vcpus,
        .realtime_vcpus = realtime_vcpus,
        .weight = from.weight,
        .bandwidth_ppm = vm.realtime.bandwidth_ppm,
        .max_priority = from.realtime ? from.realtime->max_priority : 0,
        .cpus = config.cpus,
        .sole = vms.size() == 1 && from.vcpus + realtime_vcpus <= config.cpus.size(),
        .uid = kFirstUid + static_cast<uid_t>(i),
    };
  }
  if (!good) return std::nullopt;
  return vms;
}

host::Policy policy_of(Mode mode) {
  return mode == Mode::kStaticRt   ? host::Policy::kStaticRealtime
         : mode == Mode::kStaticDl ? host::Policy::kStaticDeadline
                                   : host::Policy::kAware;
}

/// Leaves the file as it was; errno says why not.
bool can_write(const std::filesystem::path& path) {
  std::error_code ignored;
  const bool was_there = std::filesystem::exists(path, ignored);
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (file.open() && !was_there) std::filesystem::remove(path, ignored);
  return file.open();
}

/// Else says why not.
bool can_trace(const std::filesystem::path& path) {
  std::error_code ignored;
  const bool special =
      std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
  if (!special && can_write(path)) return true;
  say("--trace: \"{}\" cannot be written: {}; choose a path that can", path.string(),
      special ? "it is no ordinary file" : std::strerror(errno));
  return false;
}

/// Else says why not.
bool can_attach(const std::string& console, const std::vector<Vm>& vms) {
  if (fcntl(STDIN_FILENO, F_GETFD) < 0) {
    say("--console: standard input is closed; leave it open, or do without --console");
    return false;
  }
  std::string names;
  for (const Vm& vm : vms) {
    if (vm.spec.name == console) return true;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", vm.spec.name);
  }
  say("--console: there is no VM \"{}\"; choose one of {}", console, names);
  return false;
}

/// Closes every descriptor from 3 on but those given.
void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 3;
  for (const int fd : kept) {
    if (fd < 3) continue;
    const auto keep = static_cast<unsigned>(fd);
    if (keep > next) syscall(SYS_close_range, next, keep - 1, 0);
    next = keep + 1;
  }
  syscall(SYS_close_range, next, ~0u, 0);
}

class Run {
 public:
  Run(const RunOptions& options, Config config, std::vector<Vm> vms)
      : options_(options), config_(std::move(config)), vms_(std::move(vms)) {
    for (Vm& vm : vms_) vm.spec.image = &vm.image;
  }

  int execute();

 private:
  bool start_scheduler();
  Result<Done, std::string> start_vm(std::size_t index);
  void watch();
  void handle_signals();
  void take_report(Vm& vm);
  void end_vms();
  void finish_scheduler();
  void print_run_list();
  void start_trace();
  void trace_guests();
  void follow_trace();
  void end_guest_trace(const Vm& vm);
  int report();
  [[nodiscard]] bool all_ended() const {
    return std::all_of(vms_.begin(), vms_.end(), [](const Vm& vm) { return vm.ended; });
  }

  const RunOptions& options_;
  Config config_;
  std::vector<Vm> vms_;
  Fd signals_, console_, tender_;
  std::vector<sock_filter> filter_;
  vmm::TscScale scale_;
  std::optional<host::SchedulerClient> scheduler_;
  std::optional<RunTrace> trace_;
  Summary summary_;
  std::uint64_t epoch_ns_ = 0;
  std::uint64_t stop_ns_ = CANDOR_NO_TIME;
  bool stop_ = false;            // a signal asked for the end
  bool scheduler_lost_ = false;  // it died under way
};

int Run::execute() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signo : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signo);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));

  console_ = vmm::ConsoleOutput::open_standard_output();
  auto tender = vmm::make_process_tender();
  if (!tender.ok()) {
    say("{}", tender.error());
    return kHostCannot;
  }
  tender_ = std::move(*tender);
  auto filter = vmm::make_filter();
  if (!filter.ok()) {
    say("{}", filter.error());
    return kHostCannot;
  }
  filter_ = std::move(*filter);
  scale_ = vmm::calibrate_tsc();
  if (!scale_.usable)
    say("warning: the host kernel does not use the TSC as its clock; guests' clocks follow the host's only "
        "roughly");
  if (options_.mode != Mode::kUnaware && !start_scheduler()) return kHostCannot;
  if (options_.trace) start_trace();

  epoch_ns_ = monotonic_ns() + kStartNs + kStartPerVmNs * vms_.size();
  if (options_.duration) stop_ns_ = epoch_ns_ + static_cast<std::uint64_t>(options_.duration->ns);
  for (std::size_t i = 0; i < vms_.size(); i++) {
    if (const auto started = start_vm(i); !started.ok()) {
      vms_[i].ended = true;
      vms_[i].report.reason = vmm::ExitReason::kRefused;
      vms_[i].report.not_started = 1;
      std::snprintf(vms_[i].report.detail, sizeof vms_[i].report.detail, "%s", started.error().c_str());
    }
  }
  if (trace_) trace_guests();
  watch();
  end_vms();
  if (trace_) {
    follow_trace();
    trace_->end_ranks();
  }
  finish_scheduler();
  return report();
}

bool Run::start_scheduler() {
  const bool traced = options_.trace && options_.mode == Mode::kAware;  // others decide nothing
  auto scheduler = host::SchedulerClient::spawn({.policy = policy_of(options_.mode),
                                                 .processors = config_.cpus,
                                                 .admission = config_.admission,
                                                 .slices = config_.slices,
                                                 .trace_entries = traced ? host::kTraceEntries : 0});
  if (!scheduler.ok()) {
    say("the scheduler cannot be started: {}", scheduler.error());
    return false;
  }
  scheduler_.emplace(std::move(*scheduler));
  detail("scheduler: process {}, processors {}, real-time ranks {}", scheduler_->pid(),
         format_cpu_list(config_.cpus), scheduler_->ranks() ? "permitted" : "not permitted");
  summary_.job_overhead = scheduler_->job_overhead();
  summary_.job_overhead_measured = scheduler_->overhead_measured();
  detail("admission: {} of each processor, and {} for each job besides its budget, {}",
         config_.admission.limit_ppm / 1e6, format_duration(scheduler_->job_overhead()),
         scheduler_->overhead_measured()  ? "as measured"
         : config_.admission.job_overhead ? "as configured"
                                          : "the default");
  if (const int error = scheduler_->overhead_error(); error != 0)
    say("warning: what a job costs could not be measured ({}); admission counts {}, the default",
        std::strerror(error), format_duration(scheduler_->job_overhead()));
  if (options_.mode == Mode::kAware && config_.slices && scheduler_->ranks() &&
      scheduler_->slice_error() != 0)
    say("this kernel gives fair vCPUs no slices of their own ({}; Linux 6.12 and later do), so all have the "
        "kernel's; \"slices = false\" in [host] says that this is known",
        std::strerror(scheduler_->slice_error()));
  if (scheduler_->ranks()) return true;
  const std::string why =
      fmt::format("this process may not set real-time priorities ({}); run as root, or grant CAP_SYS_NICE",
                  std::strerror(scheduler_->rank_error()));
  if (options_.mode != Mode::kAware) {
    say("mode {} needs real-time priorities: {}", to_string(options_.mode), why);
    return false;
  }
  summary_.ranks_missing = why;
  say("WARNING: NO REAL-TIME RANKS: {}. Claims are ordered by ordinary scheduling only.", why);
  return true;
}

Result<Done, std::string> Run::start_vm(std::size_t index) {
  const auto no_process = [] {
    return Error{fmt::format("cannot start a process: {}", std::strerror(errno))};
  };
  Vm& vm = vms_[index];
  vm.spec.traced = options_.trace.has_value();
  vm.spec.created_ns = monotonic_ns();
  vm.spec.epoch_ns = epoch_ns_;
  vm.spec.stop_ns = stop_ns_;
  int pair[2], scheduler_pair[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return no_process();
  vm.socket = Fd(pair[0]);
  const Fd theirs(pair[1]);
  if (scheduler_ && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scheduler_pair) != 0)
    return no_process();
  const Fd vm_end(scheduler_pair[0]), scheduler_end(scheduler_pair[1]);
  auto memory = vmm::make_vm_memory(vm.spec.memory_bytes);
  if (!memory.ok()) return Error{memory.error()};

  const pid_t launcher = getpid();
  std::fflush(nullptr);
  vm.pid = fork();
  if (vm.pid < 0) return no_process();
  if (vm.pid == 0) {
    const int scheduler_pidfd = scheduler_ ? scheduler_->pidfd() : -1;
    close_all_but({theirs.get(), console_.get(), tender_.get(), memory->area.get(), memory->ram.get(),
                   vm_end.get(), scheduler_pidfd});
    vmm::VmSurroundings around = {.launcher = theirs.get(),
                                  .console = console_.get(),
                                  .input = options_.console == vm.spec.name ? STDIN_FILENO : -1,
                                  .tender = tender_.get(),
                                  .area = memory->area.get(),
                                  .ram = memory->ram.get(),
                                  .launcher_pid = launcher,
                                  .scale = scale_,
                                  .filter = filter_,
                                  .scheduler_pidfd = scheduler_pidfd,
                                  .ask_to_register = {},
                                  .await_registration = {}};
    if (scheduler_) {
      around.ask_to_register = [socket = vm_end.get()](pid_t tender, std::span<const pid_t> tids, int area,
                                                       int bell) {
        return host::ask_to_register(socket, tender, tids, area, bell);
      };
      around.await_registration = [socket = vm_end.get()] { return host::await_registration(socket); };
    }
    _exit(vmm::run_vm_process(vm.spec, around));
  }
  detail("vm \"{}\": process {}, {} fair and {} real-time vCPUs, {} KiB", vm.spec.name, vm.pid,
         vm.spec.fair_vcpus, vm.spec.realtime_vcpus, vm.spec.memory_bytes / 1024);
  if (vm.spec.traced) vm.memory = std::move(*memory);
  if (scheduler_) {
    host::AddVm add;
    add.vm = static_cast<std::uint32_t>(index);
    add.process = vm.pid;
    add.weight = vm.spec.weight;
    add.bandwidth_ppm = vm.spec.bandwidth_ppm;
    add.max_priority = vm.spec.max_priority;
    add.fair_vcpus = vm.spec.fair_vcpus;
    add.realtime_vcpus = vm.spec.realtime_vcpus;
    add.period_ns = static_cast<std::uint64_t>(vm.realtime.period.ns);
    std::strncpy(add.name, vm.spec.name.c_str(), sizeof add.name - 1);
    if (auto added = scheduler_->add_vm(add, scheduler_end.get()); !added.ok())
      say("vm \"{}\": the scheduler did not take it: {}", vm.spec.name, added.error());
  }
  return Done{};
}

/// Until it is time to end: a signal, the duration, or no guest left.
void Run::watch() {
  while (!stop_ && !all_ended()) {
    const std::uint64_t now = monotonic_ns();
    if (now >= stop_ns_) return;
    std::vector<pollfd> events = {
        {signals_.get(), POLLIN, 0},
        {scheduler_ && !scheduler_lost_ ? scheduler_->pidfd() : -1, POLLIN, 0},
        {options_.run_list && !options_.console && isatty(STDIN_FILENO) != 0 ? STDIN_FILENO : -1, POLLIN, 0}};
    for (const Vm& vm : vms_) events.push_back({vm.ended ? -1 : vm.socket.get(), POLLIN, 0});
    timespec patience;
    const std::uint64_t left = stop_ns_ - now;
    patience.tv_sec = static_cast<time_t>(std::min<std::uint64_t>(left / 1'000'000'000, 3600));
    patience.tv_nsec = static_cast<long>(left % 1'000'000'000);
    if (trace_) {
      follow_trace();
      if (left > RunTrace::kPeriod.ns) patience = {.tv_sec = 0, .tv_nsec = RunTrace::kPeriod.ns};
    }
    if (ppoll(events.data(), events.size(), &patience, nullptr) <= 0) continue;
    if (events[0].revents != 0) handle_signals();
    if (events[1].revents != 0) {
      scheduler_lost_ = true;
      if (trace_) trace_->end_ranks();
      summary_.ranks_missing = "the scheduler died; guests went on with ordinary scheduling";
      say("WARNING: the scheduler died; the VMs take their real-time ranks back and go on with ordinary "
          "scheduling");
    }
    if (events[2].revents != 0) {
      char line[256];
      if (::read(STDIN_FILENO, line, sizeof line) > 0) print_run_list();
    }
    for (std::size_t i = 0; i < vms_.size(); i++)
      if (events[3 + i].revents != 0) take_report(vms_[i]);
  }
}

void Run::handle_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGUSR1)
      print_run_list();
    else
      stop_ = true;
  }
}

void Run::take_report(Vm& vm) {
  vmm::VmReport report = {};
  const ssize_t got = recv(vm.socket.get(), &report, sizeof report, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got != sizeof report) {
    report = {};
    report.reason = vmm::ExitReason::kKilled;
    std::snprintf(report.detail, sizeof report.detail, "its VM process was killed from outside");
  }
  // A VM process is near to its guest, so what it says is looked at as a guest's words are.
  vm.report = vmm::checked(report);
  vm.ended = true;
  waitpid(vm.pid, nullptr, 0);
  end_guest_trace(vm);
  detail("vm \"{}\": {}, {:.0f} us from creation to main, {:.3f} s of processor time", vm.spec.name,
         vmm::to_string(vm.report.reason), static_cast<double>(vm.report.start_ns) / 1e3,
         static_cast<double>(vm.report.cpu_ns) / 1e9);
  if (!in_order(vm.report))
    say("vm \"{}\" ended: {}{}{}", vm.spec.name, vmm::to_string(vm.report.reason),
        vm.report.detail[0] != 0 ? ": " : "",
        vm.report.detail[0] != 0 ? vm.report.detail
                                 : fmt::format(", exit code {}", vm.report.exit_code).c_str());
  // In this mode everything hangs on what the kernel permits: without it there is nothing to compare.
  if (vm.report.not_started != 0 && options_.mode == Mode::kStaticDl) stop_ = true;
}

void Run::end_vms() {
  const std::uint64_t now = monotonic_ns();
  stop_ns_ = std::min(stop_ns_, now);
  if (options_.run_list) print_run_list();
  // Ranks go first: a real-time spinner must not starve those who are to end it.
  if (scheduler_ && !scheduler_lost_) {
    if (auto done = scheduler_->demote(); !done.ok())
      say("the scheduler did not take its ranks back: {}", done.error());
  }
  const vmm::VmCommand command = {stop_ns_};
  for (const Vm& vm : vms_)
    if (!vm.ended) send(vm.socket.get(), &command, sizeof command, MSG_NOSIGNAL);
  const std::uint64_t limit = now + kPatienceNs;
  while (!all_ended() && monotonic_ns() < limit) {
    std::vector<pollfd> events;
    for (const Vm& vm : vms_) events.push_back({vm.ended ? -1 : vm.socket.get(), POLLIN, 0});
    poll(events.data(), events.size(), 100);
    for (std::size_t i = 0; i < vms_.size(); i++)
      if (events[i].revents != 0) take_report(vms_[i]);
  }
  for (Vm& vm : vms_) {
    if (vm.ended) continue;
    kill(vm.pid, SIGKILL);
    take_report(vm);
    if (vm.ended) continue;
    waitpid(vm.pid, nullptr, 0);
    end_guest_trace(vm);
    vm.ended = true;
    vm.report = {};
    vm.report.reason = vmm::ExitReason::kHung;
    std::snprintf(vm.report.detail, sizeof vm.report.detail, "its VM process did not answer");
  }
}

void Run::finish_scheduler() {
  if (!scheduler_) return;
  const bool ranks = scheduler_->ranks();
  const auto stats = scheduler_->quit();
  if (stats.ok()) summary_.scheduler = *stats;
  summary_.ranks = ranks && stats.ok() && !scheduler_lost_;
  if (!stats.ok() && summary_.ranks_missing.empty())
    summary_.ranks_missing = "the scheduler died: " + stats.error();
}

void Run::print_run_list() {
  if (!scheduler_ || scheduler_lost_) {
    say("there is no run list: {}", scheduler_lost_ ? "the scheduler died" : "mode unaware has no scheduler");
    return;
  }
  auto entries = scheduler_->run_list();
  if (!entries.ok()) {
    say("there is no run list: {}", entries.error());
    return;
  }
  fmt::print("{}", run_list_text(*entries, monotonic_ns()));
  std::fflush(stdout);
}

void Run::start_trace() {
  const std::string ranks = options_.mode != Mode::kAware
                                ? fmt::format("none: mode {} orders no claims", to_string(options_.mode))
                            : scheduler_->ranks() ? std::string(kRanksInForce)
                                                  : "not permitted here: levels are what was decided";
  trace_.emplace(*options_.trace, ranks);
  for (std::size_t i = 0; i < vms_.size(); i++)
    trace_->add_vm(static_cast<std::uint32_t>(i), vms_[i].spec.name);
}

/// Once no VM process will inherit what is mapped here.
void Run::trace_guests() {
  for (std::size_t i = 0; i < vms_.size(); i++) {
    Vm& vm = vms_[i];
    if (!vm.memory) continue;
    trace_->add_guest(static_cast<std::uint32_t>(i), std::move(*vm.memory), vm.spec.memory_bytes,
                      vm.spec.fair_vcpus + vm.spec.realtime_vcpus);
    vm.memory.reset();
  }
}

void Run::follow_trace() {
  const bool decides = scheduler_ && !scheduler_lost_ && options_.mode == Mode::kAware;
  trace_->follow(decides ? &*scheduler_ : nullptr);
}

void Run::end_guest_trace(const Vm& vm) {
  if (trace_) trace_->end_guest(static_cast<std::uint32_t>(&vm - vms_.data()));
}

int Run::report() {
  summary_.mode = options_.mode;
  summary_.duration_s = stop_ns_ > epoch_ns_ ? static_cast<double>(stop_ns_ - epoch_ns_) / 1e9 : 0;
  summary_.cpus = config_.cpus;
  bool good = !scheduler_lost_;
  bool host_cannot = false;
  for (const Vm& vm : vms_) {
    summary_.names.push_back(vm.spec.name);
    summary_.reports.push_back(vm.report);
    good = good && in_order(vm.report);
    host_cannot = host_cannot || vm.report.not_started != 0;
  }
  // The file first: whoever reads standard output may be gone.
  bool written = true;
  if (options_.summary_json) {
    std::ofstream file(*options_.summary_json);
    file << to_json(summary_);
    file.close();
    written = static_cast<bool>(file);
    if (!written)
      say("--summary-json: \"{}\" cannot be written: {}; choose a path that can",
          options_.summary_json->string(), std::strerror(errno));
  }
  if (trace_ && !trace_->close()) {
    written = false;
    say("--trace: \"{}\" could not be written; what is in it is not all that happened",
        options_.trace->string());
  }
  const std::string text = to_text(summary_);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (!written) return kSomeNot;
  if (host_cannot) return kHostCannot;
  return good ? kAllInOrder : kSomeNot;
}

}  // namespace

const char* to_string(Mode mode) {
  switch (mode) {
    case Mode::kUnaware:
      return "unaware";
    case Mode::kStaticRt:
      return "static-rt";
    case Mode::kStaticDl:
      return "static-dl";
    case Mode::kAware:
      break;
  }
  return "aware";
}

int run(const RunOptions& options) {
  auto config = load_config(options.file);
  if (!config.ok()) {
    for (const std::string& error : config.error()) say("{}", error);
    return kUsage;
  }
  auto vms = make_vms(*config, options.mode);
  if (!vms) return kUsage;
  // Found out now, and not when there is something to write that would be lost.
  if (options.summary_json && !can_write(*options.summary_json)) {
    say("--summary-json: \"{}\" cannot be written: {}; choose a path that can",
        options.summary_json->string(), std::strerror(errno));
    return kUsage;
  }
  if (options.trace && !can_trace(*options.trace)) return kUsage;
  if (options.console && !can_attach(*options.console, *vms)) return kUsage;
  Run run(options, std::move(*config), std::move(*vms));
  return run.execute();
}

}  // namespace candor::cli
