#include "host/scheduler_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "host/candord.h"
#include "sched/types.h"

namespace candor::host {
namespace {

constexpr int kReplyMs = 2'000;
// Demoting and starting wait for processors that may be full of real-time work.
constexpr int kPatientMs = 5'000;

std::string check_processors(const std::vector<int>& processors) {
  if (processors.empty() || processors.size() > sched::Capacity{}.processors)
    return "candord serves 1 to " + std::to_string(sched::Capacity{}.processors) + " processors, not " +
           std::to_string(processors.size());
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (const int p : processors)
    if (p < 0 || p >= CPU_SETSIZE || !CPU_ISSET(static_cast<unsigned>(p), &allowed))
      return "processor " + std::to_string(p) +
             " does not exist or is not allowed to this process; see 'taskset -p $$' for those that are";
  return {};
}

// The child's part of spawn(): nothing of the launcher's but the socket.
[[noreturn]] void become_candord(int socket, pid_t launcher, const Settings& settings) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launcher) _exit(1);  // it died before it could matter
  prctl(PR_SET_NAME, "candord");
  // 0 and 1 lead nowhere, 2 stays for what must be said, 3 is the socket.
  socket = fcntl(socket, F_DUPFD_CLOEXEC, 10);  // out of the way of what follows
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, 0);
  dup2(null, 1);
  const int own = 3;
  dup2(socket, own);
  syscall(SYS_close_range, own + 1, ~0u, 0);
  fcntl(own, F_SETFD, FD_CLOEXEC);
  _exit(run_candord(Fd(own), settings));
}

}  // namespace

Result<SchedulerClient, std::string> SchedulerClient::spawn(const Settings& settings) {
  if (std::string wrong = check_processors(settings.processors); !wrong.empty())
    return Error{std::move(wrong)};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Error{std::string("cannot make a socket for candord: ") + std::strerror(errno)};
  Fd own(ends[0]);
  Fd theirs(ends[1]);
  const pid_t launcher = getpid();
  const pid_t pid = fork();
  if (pid < 0) return Error{std::string("cannot start candord: ") + std::strerror(errno)};
  if (pid == 0) become_candord(theirs.get(), launcher, settings);
  theirs.reset();
  SchedulerClient client(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))), std::move(own));
  auto first = client.reply(MessageType::kHello, kPatientMs);
  if (!first.ok()) return Error{"candord did not start: " + first.error()};
  client.hello_ = *first->as<Hello>(MessageType::kHello);
  return client;
}

SchedulerClient::SchedulerClient(SchedulerClient&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      socket_(std::move(other.socket_)),
      hello_(other.hello_),
      traced_(other.traced_) {}

SchedulerClient::~SchedulerClient() {
  if (pid_ > 0) reap();
}

// Kills it if it has not ended by itself; its processor time.
std::uint64_t SchedulerClient::reap() {
  kill(pid_, SIGKILL);  // ours and not yet waited for: the number is still its own
  rusage usage{};
  pid_t waited;
  do waited = wait4(pid_, nullptr, 0, &usage);
  while (waited < 0 && errno == EINTR);
  pid_ = -1;
  if (waited < 0) return 0;
  const auto ns = [](const timeval& t) {
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_usec) * 1'000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

Result<Done, std::string> SchedulerClient::ask(MessageType type, std::uint32_t vm) {
  while (receive_packet(socket_.get(), 0).ok()) {
  }  // late replies to a request that was given up
  const auto sent = send_packet(socket_.get(), Simple{.type = type, .vm = vm}, kReplyMs);
  if (!sent.ok()) return Error{std::string("candord cannot be reached: ") + std::strerror(sent.error())};
  return Done{};
}

Result<Packet, std::string> SchedulerClient::reply(MessageType type, int timeout_ms) {
  auto packet = receive_packet(socket_.get(), timeout_ms);
  if (!packet.ok()) {
    if (packet.error() == ETIMEDOUT)
      return Error{"candord has not answered within " + std::to_string(timeout_ms) + " ms"};
    return Error{std::string("candord has died (") + std::strerror(packet.error()) + ")"};
  }
  if (packet->type() != type) return Error{std::string("candord sent what was not asked for")};
  return std::move(*packet);
}

Result<Done, std::string> SchedulerClient::acknowledged(MessageType type, std::uint32_t vm, int timeout_ms) {
  if (auto asked = ask(type, vm); !asked.ok()) return asked;
  if (const auto ack = reply(MessageType::kAck, timeout_ms); !ack.ok()) return Error{ack.error()};
  return Done{};
}

Result<Done, std::string> SchedulerClient::add_vm(const AddVm& vm, int end) {
  const auto sent = send_packet(socket_.get(), vm, kReplyMs, {&end, 1});
  if (!sent.ok()) return Error{std::string("candord cannot be reached: ") + std::strerror(sent.error())};
  return Done{};
}

Result<Done, std::string> SchedulerClient::remove_vm(std::uint32_t vm) {
  return acknowledged(MessageType::kRemoveVm, vm, kReplyMs);
}

Result<Done, std::string> SchedulerClient::demote() {
  if (pid_ < 0) return Error{std::string("candord is dead")};
  auto done = acknowledged(MessageType::kDemote, 0, kPatientMs);
  if (done.ok()) return done;
  // One that does not answer might still set ranks.
  reap();
  return Error{done.error() + "; it has been killed"};
}

Result<std::vector<RunListEntry>, std::string> SchedulerClient::run_list() {
  if (auto asked = ask(MessageType::kQueryRunList, 0); !asked.ok()) return Error{asked.error()};
  std::vector<RunListEntry> entries;
  for (;;) {
    auto packet = receive_packet(socket_.get(), kReplyMs);
    if (!packet.ok()) return Error{std::string("candord does not answer: ") + std::strerror(packet.error())};
    if (packet->type() == MessageType::kRunListEnd) return entries;
    const auto entry = packet->as<RunListEntry>(MessageType::kRunListEntry);
    if (!entry) return Error{std::string("candord sent what was not asked for")};
    entries.push_back(*entry);
  }
}

Result<SchedulerClient::Trace, std::string> SchedulerClient::trace() {
  if (auto asked = ask(MessageType::kQueryTrace, 0); !asked.ok()) return Error{asked.error()};
  Trace trace;
  std::uint64_t next = traced_;  // what is not handed on in the end is lost
  for (;;) {
    const auto packet = reply(MessageType::kTraceEvents, kReplyMs);
    if (!packet.ok()) return Error{packet.error()};
    const auto part = packet->as<TraceEvents>(MessageType::kTraceEvents);
    if (!part || part->count > part->events.size() || part->first < next)
      return Error{std::string("candord sent what was not asked for")};
    trace.lost += part->first - next;
    next = part->first + part->count;
    trace.events.insert(trace.events.end(), part->events.begin(), part->events.begin() + part->count);
    if (part->count == part->events.size()) continue;
    traced_ = next;
    return trace;
  }
}

Result<Stats, std::string> SchedulerClient::stats() {
  if (auto asked = ask(MessageType::kQueryStats, 0); !asked.ok()) return Error{asked.error()};
  const auto packet = reply(MessageType::kStats, kReplyMs);
  if (!packet.ok()) return Error{packet.error()};
  return *packet->as<Stats>(MessageType::kStats);
}

Result<Stats, std::string> SchedulerClient::quit() {
  if (pid_ < 0) return Error{std::string("candord is dead")};
  const auto talk = [&]() -> Result<Stats, std::string> {
    if (auto asked = ask(MessageType::kQuit, 0); !asked.ok()) return Error{asked.error()};
    const auto packet = reply(MessageType::kStats, kPatientMs);
    if (!packet.ok()) return Error{packet.error()};
    if (const auto ack = reply(MessageType::kAck, kReplyMs); !ack.ok()) return Error{ack.error()};
    return *packet->as<Stats>(MessageType::kStats);
  };
  auto stats = talk();
  pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  if (stats.ok()) poll(&ended, 1, kReplyMs);
  const std::uint64_t cpu_ns = reap();
  if (stats.ok() && cpu_ns > 0) stats->cpu_ns = cpu_ns;
  return stats;
}

}  // namespace candor::host
