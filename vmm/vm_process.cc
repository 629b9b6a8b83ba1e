#include "vmm/vm_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>

#include "base/rate_meter.h"
#include "vmm/area.h"
#include "vmm/console.h"
#include "vmm/console_input.h"
#include "vmm/console_output.h"
#include "vmm/cpu/backend.h"

namespace candor::vmm {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// A guest may ring for its console this often in a second; then it is looked at every 20 ms only.
constexpr unsigned kBellsPerSecond = 500;
constexpr std::uint64_t kMutedLookNs = 20'000'000;
// What a guest may print. More stays in its ring until it may, or is lost there: that is between the guest
// and itself, while printing takes processor time and room on disks from others.
constexpr std::int64_t kConsoleBurstBytes = 256 << 10;
constexpr std::int64_t kConsoleBytesPerSecond = 1 << 20;
// Input that a guest has no room for, or that comes from where no readiness is told, is looked at this often.
constexpr std::uint64_t kInputLookNs = 20'000'000;
// At the end a reader that pauses is waited for this long.
constexpr Duration kConsolePatience = milliseconds(500);

std::string errno_text() {
  return std::strerror(errno);
}

void fill_host_page(const VmSpec& spec, const CpuBackend& cpu, const Area& area) {
  candor_host_page& page = area.host_page();
  page.magic = CANDOR_MAGIC;
  page.abi_version = CANDOR_ABI_VERSION;
  page.features |= cpu.features() | CANDOR_FEATURE_INPUT | (spec.traced ? CANDOR_FEATURE_TRACE : 0u);
  page.area_bytes = CANDOR_AREA_BYTES;
  page.fair_vcpus = spec.fair_vcpus;
  page.realtime_vcpus = spec.realtime_vcpus;
  page.vcpu_count = spec.fair_vcpus + spec.realtime_vcpus;
  page.thread_slots = CANDOR_MAX_THREADS;
  page.lock_words = CANDOR_MAX_LOCKS;
  page.ram_base = CANDOR_RAM_BASE;
  page.ram_bytes = spec.memory_bytes;
  page.call_entry = cpu.call_entry();
  page.epoch_ns = spec.epoch_ns;
  page.stop_ns = spec.stop_ns;
  page.weight = spec.weight;
  page.bandwidth_ppm = spec.bandwidth_ppm;
  page.max_priority = spec.max_priority;
  std::strncpy(page.vm_name, spec.name.c_str(), sizeof page.vm_name - 1);
  std::strncpy(page.cmdline, spec.cmdline.c_str(), sizeof page.cmdline - 1);
  for (std::uint32_t v = 0; v < page.vcpu_count; v++) {
    candor_host_vcpu& line = area.host_vcpu(v);
    line.kind = v < spec.fair_vcpus ? CANDOR_VCPU_FAIR : CANDOR_VCPU_REALTIME;
    if (v < spec.fair_vcpus)  // the scheduler places the others
      line.processor = spec.cpus.size() == 1 ? static_cast<std::uint32_t>(spec.cpus.front()) : ~0u;
    line.lock_token = cpu.lock_token(v);
    line.sole = spec.sole ? 1 : 0;
    area.vcpu(v).masked = 1;  // until the guest says that it takes upcalls
  }
}

/// Confines the vCPU threads, and not this process, which so is not starved by
/// real-time vCPUs. They are asleep yet, so none has to be moved.
Result<Done, std::string> use_processors(std::span<const pid_t> tids, const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<unsigned>(cpu), &set);
  for (const pid_t tid : tids)
    if (sched_setaffinity(tid, sizeof set, &set) != 0)
      return Error{fmt::format("cannot use the processors of [host] cpus: {}", errno_text())};
  return Done{};
}

/// True if this process will die with the launcher. To be called after each change of identity.
bool tie_life_to(pid_t launcher) {
  return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == launcher;
}

class VmProcess {
 public:
  VmProcess(const VmSpec& spec, const VmSurroundings& around, Area area)
      : spec_(spec),
        around_(around),
        area_(std::move(area)),
        ram_(around.ram),
        console_(area_, spec.name),
        output_(around.console),
        input_(area_, around.input) {}

  /// Everything up to the first instruction of the guest.
  Result<Done, std::string> start();
  /// Until the guest has ended.
  void run();
  /// Ends what is left and says how it went.
  VmReport finish();

 private:
  enum Source : std::uint64_t {
    kLauncher,
    kExit,
    kMonitor,
    kScheduler,
    kTick,
    kGrace,
    kLook,
    kInput,
    kInputLook
  };

  bool watch(int fd, Source source);
  static Fd make_timer(std::uint64_t first_ns, std::uint64_t interval_ns);
  void handle(Source source);
  void ask_to_end();
  void demote_own_vcpus();
  void sample_steal();
  Result<Done, std::string> open_run_times();
  void print_console();
  void print_last(VmReport& report);
  void mute_monitor();
  void move_input();
  void look_at_input();
  void look_at_input_later();
  void tell_of_input();
  void set_pending(std::uint32_t vcpu, std::uint32_t bit);
  void describe_exit(VmReport& report) const;

  const VmSpec& spec_;
  const VmSurroundings& around_;
  Area area_;
  Fd ram_;
  Console console_;
  ConsoleOutput output_;
  ConsoleInput input_;
  RateMeter output_meter_{kConsoleBurstBytes, kConsoleBytesPerSecond};
  Fd epoll_, scheduler_bell_, monitor_bell_, tick_, grace_, look_, input_look_;
  std::unique_ptr<CpuBackend> cpu_;
  std::optional<GuestClock> clock_;
  std::optional<CpuExit> exit_;
  std::vector<Fd> run_times_;         // of each vCPU's thread: /proc/.../schedstat
  std::vector<std::uint64_t> steal_;  // by vCPU, as last sampled
  unsigned bells_ = 0;                // of the monitor since the last tick
  std::vector<sock_filter> filter_;
  bool asked_ = false;
  bool hung_ = false;
};

Result<Done, std::string> VmProcess::start() {
  scheduler_bell_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  monitor_bell_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!scheduler_bell_.open() || !monitor_bell_.open() || !epoll_.open())
    return Error{fmt::format("cannot make event descriptors: {}", errno_text())};

  // The weight passes to the tender by inheritance. This process does not keep it:
  // it does the guest no harm by being quicker than it.
  const int nice = nice_for_weight(spec_.weight);
  if (nice != 0 && setpriority(PRIO_PROCESS, 0, nice) != 0)
    return Error{
        fmt::format("cannot give weight {} (nice {}): {}; run as root or choose a weight of at most 100",
                    spec_.weight, nice, errno_text())};
  auto cpu = start_process_backend({.name = spec_.name.c_str(),
                                    .image = spec_.image,
                                    .ram_fd = ram_.get(),
                                    .area_fd = area_.fd(),
                                    .scheduler_bell = scheduler_bell_.get(),
                                    .monitor_bell = monitor_bell_.get(),
                                    .ram_bytes = spec_.memory_bytes,
                                    .vcpus = spec_.fair_vcpus + spec_.realtime_vcpus,
                                    .uid = spec_.uid},
                                   around_.tender);
  if (!cpu.ok()) return Error{cpu.error()};
  cpu_ = std::move(*cpu);
  if (nice < 0 || geteuid() == 0) setpriority(PRIO_PROCESS, 0, 0);
  if (auto dropped = drop_privileges(spec_.uid); !dropped.ok()) return dropped;
  if (!tie_life_to(around_.launcher_pid)) return Error{std::string("the launcher died")};

  // The tender builds its address space meanwhile.
  if (auto loaded = load_image(*spec_.image, ram_.get()); !loaded.ok())
    return Error{fmt::format("cannot write the image into {} KiB of guest RAM: {}", spec_.memory_bytes / 1024,
                             std::strerror(loaded.error()))};
  fill_host_page(spec_, *cpu_, area_);
  clock_.emplace(area_.host_page().clock, around_.scale);
  if (auto ready = cpu_->wait_ready(); !ready.ok()) return ready;
  if (auto placed = use_processors(cpu_->tids(), spec_.cpus); !placed.ok()) return placed;
  if (around_.ask_to_register) {
    auto asked = around_.ask_to_register(cpu_->process(), cpu_->tids(), area_.fd(), scheduler_bell_.get());
    if (!asked.ok()) return asked;
    cpu_->warm_up();
  }

  // The scheduler looks at the registration meanwhile.
  if (auto opened = open_run_times(); !opened.ok()) return opened;
  watch(around_.launcher, kLauncher);
  watch(cpu_->exit_fd(), kExit);
  watch(monitor_bell_.get(), kMonitor);
  if (around_.scheduler_pidfd >= 0) watch(around_.scheduler_pidfd, kScheduler);
  tick_ = make_timer(kSecondNs, kSecondNs);
  watch(tick_.get(), kTick);
  // A file tells of no readiness, but has it always.
  if (input_.fd() >= 0 && !watch(input_.fd(), kInput)) look_at_input_later();
  filter_ = around_.filter;
  if (auto confined = confine(filter_); !confined.ok()) return confined;
  if (around_.await_registration) {
    if (auto registered = around_.await_registration(); !registered.ok()) return registered;
  }
  cpu_->go();
  return Done{};
}

bool VmProcess::watch(int fd, Source source) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = source;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

Fd VmProcess::make_timer(std::uint64_t first_ns, std::uint64_t interval_ns) {
  Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const auto spec_of = [](std::uint64_t ns) {
    return timespec{static_cast<time_t>(ns / kSecondNs), static_cast<long>(ns % kSecondNs)};
  };
  const itimerspec setting = {spec_of(interval_ns), spec_of(first_ns)};
  timerfd_settime(fd.get(), 0, &setting, nullptr);
  return fd;
}

void VmProcess::run() {
  while (!exit_) {
    epoll_event events[8];
    const int count = epoll_wait(epoll_.get(), events, static_cast<int>(std::size(events)), -1);
    for (int i = 0; i < count && !exit_; i++) handle(static_cast<Source>(events[i].data.u64));
  }
}

void VmProcess::handle(Source source) {
  std::uint64_t count;
  switch (source) {
    case kLauncher: {
      VmCommand command;
      if (recv(around_.launcher, &command, sizeof command, MSG_DONTWAIT) != sizeof command) {
        if (errno != EAGAIN) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, around_.launcher, nullptr);
        return;
      }
      store(area_.host_page().stop_ns, command.stop_ns);
      ask_to_end();
      return;
    }
    case kExit:
      exit_ = cpu_->reap();
      return;
    case kMonitor:
      if (::read(monitor_bell_.get(), &count, sizeof count) < 0) return;
      print_console();
      if (input_look_.open()) look_at_input();  // there may be room now
      if (++bells_ > kBellsPerSecond) mute_monitor();
      return;
    case kScheduler:
      // Nobody is left who would take a rank back from a guest that overruns.
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, around_.scheduler_pidfd, nullptr);
      demote_own_vcpus();
      return;
    case kTick:
      if (::read(tick_.get(), &count, sizeof count) < 0) return;
      clock_->refresh();
      sample_steal();
      print_console();  // a guest need not ring for what can wait so long
      bells_ = 0;
      if (look_.open()) {
        look_.reset();
        watch(monitor_bell_.get(), kMonitor);
      }
      return;
    case kGrace:
      hung_ = true;
      cpu_->kill();
      grace_.reset();
      return;
    case kLook:
      if (::read(look_.get(), &count, sizeof count) < 0) return;
      print_console();
      return;
    case kInputLook:
      if (::read(input_look_.get(), &count, sizeof count) < 0) return;
      look_at_input();
      return;
    case kInput:
      move_input();
      return;
  }
}

void VmProcess::mute_monitor() {
  if (look_.open()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, monitor_bell_.get(), nullptr);
  look_ = make_timer(kMutedLookNs, kMutedLookNs);
  watch(look_.get(), kLook);
}

void VmProcess::move_input() {
  std::size_t moved;
  const ConsoleInput::Left left = input_.move(moved);
  if (moved != 0) tell_of_input();
  if (left == ConsoleInput::Left::kNothing) return;
  // Full, it stays readable, and would be told of again and again.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, input_.fd(), nullptr);
  if (left == ConsoleInput::Left::kEnded)
    input_look_.reset();
  else
    look_at_input_later();
}

void VmProcess::look_at_input() {
  if (watch(input_.fd(), kInput))  // which says at once if there is something
    input_look_.reset();
  else
    move_input();
}

void VmProcess::look_at_input_later() {
  if (input_look_.open()) return;
  input_look_ = make_timer(kInputLookNs, kInputLookNs);
  watch(input_look_.get(), kInputLook);
}

void VmProcess::tell_of_input() {
  const auto vcpus = static_cast<std::uint32_t>(cpu_->tids().size());
  const std::uint32_t listener = console_listener(area_, vcpus);
  if (listener != vcpus) set_pending(listener, CANDOR_PENDING_CONSOLE);
}

/// Waiting: the wake-up reaches it. Running or between the two: the kick does. Both are harmless to the
/// others.
void VmProcess::set_pending(std::uint32_t vcpu, std::uint32_t bit) {
  candor_guest_vcpu& page = area_.vcpu(vcpu);
  __atomic_or_fetch(&page.pending, bit, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, &page.pending, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
  cpu_->kick(vcpu);
}

void VmProcess::ask_to_end() {
  if (asked_) return;
  asked_ = true;
  sample_steal();
  store(area_.host_page().shutdown, 1u);
  for (std::uint32_t v = 0; v < cpu_->tids().size(); v++) set_pending(v, CANDOR_PENDING_SHUTDOWN);
  grace_ = make_timer(kShutdownGraceNs, 0);
  watch(grace_.get(), kGrace);
}

void VmProcess::demote_own_vcpus() {
  store(area_.host_page().scheduler, 0u);
  for (const pid_t tid : cpu_->tids()) {
    const sched_param none = {};
    sched_setscheduler(tid, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
  }
}

Result<Done, std::string> VmProcess::open_run_times() {
  steal_.assign(cpu_->tids().size(), 0);
  for (const pid_t tid : cpu_->tids()) {
    const std::string path = fmt::format("/proc/{}/task/{}/schedstat", cpu_->process(), tid);
    run_times_.emplace_back(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!run_times_.back().open()) return Error{fmt::format("cannot open {}: {}", path, errno_text())};
  }
  return Done{};
}

void VmProcess::sample_steal() {
  for (std::size_t v = 0; v < steal_.size(); v++) {
    char text[96] = {};  // proc_pid_schedstat: time run, time waited, in nanoseconds; number of slices
    if (pread(run_times_[v].get(), text, sizeof text - 1, 0) <= 0) continue;
    const char* waited = std::strchr(text, ' ');
    if (waited == nullptr || std::from_chars(waited + 1, text + sizeof text, steal_[v]).ec != std::errc())
      continue;
    store(area_.host_vcpu(static_cast<std::uint32_t>(v)).stolen_ns, steal_[v]);
  }
}

void VmProcess::print_console() {
  const Time now{static_cast<std::int64_t>(monotonic_ns())};
  const auto allowed = static_cast<std::size_t>(output_meter_.left(now));
  // Whoever reads pauses, or this guest has had its share: later.
  if (!output_.flush() || allowed == 0) return mute_monitor();
  std::string out;
  console_.drain(out, allowed, false);
  output_meter_.use(static_cast<std::int64_t>(out.size()), now);
  output_.put(out);
  if (!output_.flush() || out.size() >= allowed) mute_monitor();
}

void VmProcess::print_last(VmReport& report) {
  std::string out;
  console_.drain(out, kConsoleBurstBytes, true);
  output_.put(out);
  if (const std::size_t lost = output_.finish(kConsolePatience); lost != 0)
    std::snprintf(report.detail, sizeof report.detail,
                  "the last %zu bytes of its output were not read within %lld ms and are lost", lost,
                  static_cast<long long>(kConsolePatience.ns / 1'000'000));
}

void VmProcess::describe_exit(VmReport& report) const {
  std::string text;
  for (std::uint32_t v = 0; v < spec_.fair_vcpus + spec_.realtime_vcpus; v++) {
    const candor_guest_vcpu& page = area_.vcpu(v);
    const std::uint32_t kind = load(page.exit_kind);
    if (kind == CANDOR_EXIT_NONE) continue;
    const std::uint32_t code = load(page.exit_code);
    if (kind == CANDOR_EXIT_SHUTDOWN) report.exit_code = code;
    if (kind == CANDOR_EXIT_FAULT)
      text = fmt::format("vCPU {}: {} at {:#x}, address {:#x}", v,
                         code < NSIG ? strsignal(static_cast<int>(code)) : "an unknown signal",
                         load(page.exit_ip), load(page.exit_address));
    if (kind == CANDOR_EXIT_REFUSED)
      text = fmt::format("vCPU {}: system call {} at {:#x} is not permitted", v, code, load(page.exit_ip));
    break;
  }
  switch (exit_->kind) {
    case CpuExit::Kind::kShutdown:
      report.reason = asked_ ? ExitReason::kStopped : ExitReason::kShutdown;
      text.clear();
      break;
    case CpuExit::Kind::kFault:
      report.reason = ExitReason::kFault;
      if (text.empty()) text = fmt::format("ended by signal {}", exit_->code);
      break;
    case CpuExit::Kind::kRefused:
      report.reason = ExitReason::kRefused;
      break;
    case CpuExit::Kind::kKilled:
      report.reason = hung_ ? ExitReason::kHung : ExitReason::kKilled;
      text = hung_ ? fmt::format("did not end within {} s of being asked to", kShutdownGraceNs / kSecondNs)
                   : "its guest process was killed from outside";
      break;
    case CpuExit::Kind::kHost:
      report.reason = ExitReason::kFault;
      text = fmt::format("the guest left by exit status {}", exit_->code);
      break;
  }
  if (!text.empty()) std::snprintf(report.detail, sizeof report.detail, "%s", text.c_str());
}

VmReport VmProcess::finish() {
  VmReport report = {};
  print_last(report);
  describe_exit(report);
  collect_counters(area_, spec_.fair_vcpus + spec_.realtime_vcpus, report);
  report.cpu_ns = exit_->cpu_ns;
  rusage own = {};
  getrusage(RUSAGE_SELF, &own);
  for (const timeval& t : {own.ru_utime, own.ru_stime})
    report.cpu_ns +=
        static_cast<std::uint64_t>(t.tv_sec) * kSecondNs + static_cast<std::uint64_t>(t.tv_usec) * 1000;
  for (const std::uint64_t ns : steal_) report.steal_ns += ns;
  const std::uint64_t main_ns = load(area_.guest_page().main_ns);
  const std::uint64_t kernel_ns = load(area_.guest_page().kernel_ns);
  if (main_ns > spec_.created_ns) report.start_ns = main_ns - spec_.created_ns;
  if (main_ns > kernel_ns && kernel_ns > spec_.created_ns) report.boot_ns = main_ns - kernel_ns;
  return report;
}

}  // namespace

int nice_for_weight(std::uint32_t weight) {
  const double steps = std::log(std::max(weight, 1u) / 100.0) / std::log(1.25);
  return std::clamp(-static_cast<int>(std::lround(steps)), -20, 19);
}

int run_vm_process(const VmSpec& spec, const VmSurroundings& surroundings) {
  VmReport report = {};
  const auto refuse = [&](const std::string& why) {
    report.reason = ExitReason::kRefused;
    report.not_started = 1;
    std::snprintf(report.detail, sizeof report.detail, "%s", why.c_str());
  };
  prctl(PR_SET_NAME, fmt::format("candor:{}", spec.name).substr(0, 15).c_str(), 0, 0, 0);
  if (!tie_life_to(surroundings.launcher_pid)) return 1;
  // The launcher may be stopped from its terminal; guests would go on without whoever watches over them.
  for (const int signo : {SIGTSTP, SIGTTIN, SIGTTOU}) signal(signo, SIG_IGN);
  auto area = Area::map(Fd(surroundings.area));
  if (!area.ok()) {
    refuse(area.error());
  } else if (auto ordinary = become_ordinary(); !ordinary.ok()) {
    refuse(ordinary.error());
  } else {
    VmProcess vm(spec, surroundings, std::move(*area));
    if (auto started = vm.start(); !started.ok()) {
      refuse(started.error());
    } else {
      vm.run();
      report = vm.finish();
    }
  }
  send(surroundings.launcher, &report, sizeof report, MSG_NOSIGNAL);
  return 0;
}

}  // namespace candor::vmm
