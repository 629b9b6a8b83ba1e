// The host's side of the process back end: starts a tender, confines it from
// outside, and watches over it. The tender's own side is in tender/.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "abi/candor.h"
#include "vmm/cpu/backend.h"
#include "vmm/cpu/process/tender_boot.h"

extern "C" {
extern const char candor_tender_begin[];
extern const char candor_tender_end[];
}

namespace candor::vmm {
namespace {

using process::TenderBoot;
using process::TenderFd;

constexpr int kSealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr int kReadyPatienceMs = 10'000;
constexpr std::size_t kChildStackBytes = 65536;

std::string setup_step(int step) {
  static constexpr const char* kNames[] = {"?",
                                           "reading its orders",
                                           "mapping the shared area",
                                           "mapping guest RAM",
                                           "protecting guest RAM",
                                           "installing signal handlers",
                                           "setting up a signal stack",
                                           "creating a timer",
                                           "starting a vCPU thread",
                                           "unmapping its own beginnings",
                                           "installing the system call filter",
                                           "reporting that it is ready",
                                           "setting a GS base"};
  return step > 0 && step < static_cast<int>(std::size(kNames)) ? kNames[step] : "an unknown step";
}

/// A memfd that the tender reads its orders from, once; it closes it before guest code runs, so there is
/// nothing to seal.
Result<Fd, std::string> make_boot_file(const CpuSetup& setup) {
  TenderBoot boot = {};
  std::snprintf(boot.name, sizeof boot.name, "tender:%s", setup.name);
  boot.ram_bytes = setup.ram_bytes;
  boot.entry = setup.image->entry;
  boot.vcpu_count = setup.vcpus;
  for (const Image::Segment& s : setup.image->segments)
    boot.segments[boot.segment_count++] = {s.address, s.bytes, s.content_bytes, s.writable, s.executable};
  Fd fd(memfd_create("candor-boot", MFD_CLOEXEC));
  if (!fd.open() || ::write(fd.get(), &boot, sizeof boot) != sizeof boot || lseek(fd.get(), 0, SEEK_SET) != 0)
    return Error{fmt::format("cannot write the tender's orders: {}", std::strerror(errno))};
  return fd;
}

/// All that the child between clone and exec needs. It shares our memory and
/// must not allocate, lock, or change any of it but `error`.
struct ChildOrders {
  std::array<int, 5> descriptors;  // for TenderFd 3, 4, 5, 6, 7
  int tender_fd;
  int alive_read, alive_write;  // a pipe that says whether the parent lives
  uid_t uid;
  bool drop_root;
  int error = 0;
  const char* failed = nullptr;
};

#define CHILD_TRY(what, call)     \
  do {                            \
    if ((call) != 0) {            \
      orders.error = errno;       \
      orders.failed = what;       \
      _exit(process::kExitSetup); \
    }                             \
  } while (false)

int child_main(void* argument) {
  ChildOrders& orders = *static_cast<ChildOrders*>(argument);
  // Descriptors first to where dup2 cannot overwrite one that is still needed.
  constexpr int kSafe = 64;
  for (int& fd : orders.descriptors) {
    fd = fcntl(fd, F_DUPFD, kSafe);
    CHILD_TRY("duplicate descriptors", fd < 0 ? -1 : 0);
  }
  const int image = fcntl(orders.tender_fd, F_DUPFD, kSafe);
  const int alive = fcntl(orders.alive_read, F_DUPFD, kSafe);
  CHILD_TRY("duplicate descriptors", image < 0 || alive < 0 ? -1 : 0);
  ::close(orders.alive_write);
  for (std::size_t i = 0; i < orders.descriptors.size(); i++)
    CHILD_TRY("place descriptors",
              dup2(orders.descriptors[i], TenderFd::kRamFd + static_cast<int>(i)) < 0 ? -1 : 0);

  const rlimit none = {0, 0};
  CHILD_TRY("forbid core dumps", setrlimit(RLIMIT_CORE, &none));
  if (orders.drop_root) {
    // Raw calls: libc's would change all threads of the process whose memory we share.
    CHILD_TRY("drop groups", syscall(SYS_setgroups, 0, nullptr));
    CHILD_TRY("drop root", syscall(SYS_setresgid, orders.uid, orders.uid, orders.uid));
    CHILD_TRY("drop root", syscall(SYS_setresuid, orders.uid, orders.uid, orders.uid));
  }
  CHILD_TRY("renounce privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  // After the change of identity, which clears it.
  CHILD_TRY("tie its life to its parent's", prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  pollfd parent = {alive, 0, 0};
  if (poll(&parent, 1, 0) != 0) _exit(process::kExitSetup);  // it died before the line above

  // Low descriptors close on exec or are the five; what was moved up must go by hand.
  CHILD_TRY("close descriptors", syscall(SYS_close_range, 0, 2, 0));
  CHILD_TRY("close descriptors", fcntl(image, F_SETFD, FD_CLOEXEC));
  CHILD_TRY("close descriptors",
            syscall(SYS_close_range, TenderFd::kMonitorBellFd + 1, ~0u, CLOSE_RANGE_CLOEXEC));
  sigset_t nothing;
  sigemptyset(&nothing);
  sigprocmask(SIG_SETMASK, &nothing, nullptr);
  char name[] = "candor-tender";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  execveat(image, "", arguments, environment, AT_EMPTY_PATH);
  CHILD_TRY("execute the tender", -1);
  return 0;
}

/// clone(2) of child_main() on the processor that this thread is on. Either waits for the other here, so a
/// processor of its own would have to be woken for the child and gain nothing: 0.1 ms where idle ones are
/// slow to wake. The child keeps to this processor, until its vCPUs are placed. Negative: errno says why.
int clone_here(char* stack_top, int flags, ChildOrders& orders, int* pidfd) {
  cpu_set_t before, here;
  CPU_ZERO(&here);
  const int processor = sched_getcpu();
  const bool known =
      processor >= 0 && processor < CPU_SETSIZE && sched_getaffinity(0, sizeof before, &before) == 0;
  if (known) {
    CPU_SET(static_cast<unsigned>(processor), &here);
    sched_setaffinity(0, sizeof here, &here);
  }
  const int pid = clone(child_main, stack_top, flags, &orders, pidfd);
  const int error = errno;
  if (known) sched_setaffinity(0, sizeof before, &before);
  errno = error;
  return pid;
}

class ProcessBackend final : public CpuBackend {
 public:
  static Result<std::unique_ptr<CpuBackend>, std::string> start(const CpuSetup& setup, int tender_fd) {
    auto boot = make_boot_file(setup);
    if (!boot.ok()) return Error{boot.error()};
    int alive[2];
    if (pipe2(alive, O_CLOEXEC) != 0)
      return Error{fmt::format("cannot make a pipe: {}", std::strerror(errno))};
    const Fd alive_read(alive[0]), alive_write(alive[1]);

    ChildOrders orders = {
        .descriptors = {setup.ram_fd, setup.area_fd, boot->get(), setup.scheduler_bell, setup.monitor_bell},
        .tender_fd = tender_fd,
        .alive_read = alive_read.get(),
        .alive_write = alive_write.get(),
        .uid = setup.uid,
        .drop_root = geteuid() == 0,
    };
    // Not initialised: only the pages that the child touches are ever there.
    const auto stack = std::make_unique_for_overwrite<char[]>(kChildStackBytes);
    const int flags = CLONE_VM | CLONE_VFORK | CLONE_NEWPID | CLONE_PIDFD | SIGCHLD |
                      (orders.drop_root ? 0 : CLONE_NEWUSER);
    int pidfd = -1;
    const int pid = clone_here(stack.get() + kChildStackBytes, flags, orders, &pidfd);
    if (pid < 0)
      return Error{
          fmt::format("cannot start the tender in a PID namespace of its own: {}", std::strerror(errno))};
    auto backend = std::unique_ptr<ProcessBackend>(new ProcessBackend(setup, pid, pidfd));
    if (orders.failed != nullptr)
      return Error{fmt::format("the tender could not {}: {}", orders.failed, std::strerror(orders.error))};
    void* const area = mmap(nullptr, CANDOR_HOST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, setup.area_fd, 0);
    if (area == MAP_FAILED) return Error{fmt::format("cannot map the area: {}", std::strerror(errno))};
    backend->host_area_ = static_cast<char*>(area);
    return std::unique_ptr<CpuBackend>(std::move(backend));
  }

  ~ProcessBackend() override {
    if (!reaped_) {
      kill();
      reap();
    }
    if (host_area_ != nullptr) munmap(host_area_, CANDOR_HOST_BYTES);
  }

  std::uint32_t features() const override {
    constexpr unsigned long kHwcap2Fsgsbase = 2;  // arch/x86/include/uapi/asm/hwcap2.h
    const bool bases_kept = (getauxval(AT_HWCAP2) & kHwcap2Fsgsbase) != 0;
    return CANDOR_FEATURE_PROTECT | CANDOR_FEATURE_LOCK_INHERIT | CANDOR_FEATURE_UART |
           (bases_kept ? CANDOR_FEATURE_FSGSBASE : 0);
  }
  std::uint64_t call_entry() const override { return process::kCallEntry; }
  pid_t process() const override { return pid_; }
  std::span<const pid_t> tids() const override { return tids_; }
  // The owner of a priority-inheriting futex is named by its thread id, and the
  // tender's threads are numbered from 1 in their own namespace.
  std::uint32_t lock_token(std::uint32_t index) const override { return index + 1; }
  int exit_fd() const override { return pidfd_.get(); }

  Result<Done, std::string> wait_ready() override {
    pollfd events[] = {{monitor_bell_, POLLIN, 0}, {pidfd_.get(), POLLIN, 0}};
    while (poll(events, 2, kReadyPatienceMs) < 0)
      if (errno != EINTR) break;
    if ((events[1].revents & POLLIN) != 0) {
      const CpuExit exit = reap();
      if (exit.kind == CpuExit::Kind::kHost)
        return Error{fmt::format("the tender failed at {}", setup_step(exit.code))};
      return Error{std::string("the tender was killed while it started")};
    }
    if ((events[0].revents & POLLIN) == 0)
      return Error{fmt::format("the tender was not ready within {} s", kReadyPatienceMs / 1000)};
    std::uint64_t count;
    if (::read(monitor_bell_, &count, sizeof count) != sizeof count)
      return Error{fmt::format("cannot read the tender's bell: {}", std::strerror(errno))};
    return find_threads();
  }

  void warm_up() override { tell(process::kWarmUp); }
  void go() override { tell(process::kStart); }

  void kick(std::uint32_t index) override { syscall(SYS_tgkill, pid_, tids_[index], SIGUSR1); }
  void kill() override { syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0); }

  CpuExit reap() override {
    if (reaped_) return exit_;
    int status = 0;
    rusage usage = {};
    while (wait4(pid_, &status, __WALL, &usage) < 0)
      if (errno != EINTR) break;
    reaped_ = true;
    const auto ns = [](const timeval& t) {
      return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
             static_cast<std::uint64_t>(t.tv_usec) * 1'000;
    };
    exit_.cpu_ns = ns(usage.ru_utime) + ns(usage.ru_stime);
    if (WIFSIGNALED(status)) {
      exit_.code = WTERMSIG(status);
      exit_.kind = exit_.code == SIGKILL ? CpuExit::Kind::kKilled : CpuExit::Kind::kFault;
      return exit_;
    }
    const int code = WEXITSTATUS(status);
    exit_.kind = code == process::kExitShutdown  ? CpuExit::Kind::kShutdown
                 : code == process::kExitFault   ? CpuExit::Kind::kFault
                 : code == process::kExitRefused ? CpuExit::Kind::kRefused
                                                 : CpuExit::Kind::kHost;
    exit_.code = code >= process::kExitSetup ? code - process::kExitSetup : 0;
    return exit_;
  }

 private:
  ProcessBackend(const CpuSetup& setup, pid_t pid, int pidfd)
      : vcpus_(setup.vcpus), monitor_bell_(setup.monitor_bell), pid_(pid), pidfd_(pidfd) {}

  void tell(process::Go go) {
    auto* word = reinterpret_cast<std::uint32_t*>(host_area_ + process::kGoOffset);
    __atomic_store_n(word, go, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, word, FUTEX_WAKE, CANDOR_MAX_VCPUS, nullptr, nullptr, 0);
  }

  /// Orders the tender's threads by their ids in its own namespace: 1 is vCPU 0.
  /// Plain reads, not streams: this lies between a VM's creation and its first instruction.
  Result<Done, std::string> find_threads() {
    tids_.assign(vcpus_, 0);
    tids_[0] = pid_;  // the first of its PID namespace
    if (vcpus_ == 1) return Done{};
    const std::string tasks = fmt::format("/proc/{}/task", pid_);
    struct Close {
      void operator()(DIR* directory) const { closedir(directory); }
    };
    const std::unique_ptr<DIR, Close> entries(opendir(tasks.c_str()));
    while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
      const std::string_view tid = entry->d_name;
      const std::uint32_t inner = inner_tid(fmt::format("{}/{}/status", tasks, tid));
      if (inner >= 1 && inner <= vcpus_)
        std::from_chars(tid.data(), tid.data() + tid.size(), tids_[inner - 1]);
    }
    for (std::uint32_t i = 0; i < vcpus_; i++)
      if (tids_[i] == 0) return Error{fmt::format("vCPU {} has no thread in {}", i, tasks)};
    return Done{};
  }

  /// The last number of the line "NSpid:", or 0 (proc_pid_status(5)).
  static std::uint32_t inner_tid(const std::string& status_path) {
    const Fd file(open(status_path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[4096];
    const ssize_t size = file.open() ? ::read(file.get(), text, sizeof text) : 0;
    const std::string_view status(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t line = status.find("\nNSpid:");
    if (line == std::string_view::npos) return 0;
    const std::string_view numbers = status.substr(line + 1, status.find('\n', line + 1) - line - 1);
    const std::string_view last = numbers.substr(numbers.find_last_of(" \t") + 1);
    std::uint32_t inner = 0;
    std::from_chars(last.data(), last.data() + last.size(), inner);
    return inner;
  }

  std::uint32_t vcpus_;
  int monitor_bell_;
  pid_t pid_;
  Fd pidfd_;
  char* host_area_ = nullptr;
  std::vector<pid_t> tids_;
  bool reaped_ = false;
  CpuExit exit_;
};

}  // namespace

Result<Fd, std::string> make_process_tender() {
  Fd fd(memfd_create("candor-tender", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto size = static_cast<std::size_t>(candor_tender_end - candor_tender_begin);
  if (!fd.open() || ::write(fd.get(), candor_tender_begin, size) != static_cast<ssize_t>(size) ||
      fcntl(fd.get(), F_ADD_SEALS, kSealed | F_SEAL_WRITE) != 0)
    return Error{fmt::format("cannot prepare the tender: {}", std::strerror(errno))};
  return fd;
}

Result<std::unique_ptr<CpuBackend>, std::string> start_process_backend(const CpuSetup& setup, int tender_fd) {
  return ProcessBackend::start(setup, tender_fd);
}

}  // namespace candor::vmm
