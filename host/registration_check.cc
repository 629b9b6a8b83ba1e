#include "host/registration_check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

namespace candor::host {
namespace {

// A number from /proc/.../status, e.g. field "Tgid:".
std::optional<pid_t> status_field(const char* path, std::string_view field) {
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.open()) return std::nullopt;
  std::array<char, 4096> text;
  const ssize_t n = read(file.get(), text.data(), text.size());
  if (n <= 0) return std::nullopt;
  // The first line holds the thread's name, in which the kernel escapes newlines.
  std::string_view rest(text.data(), static_cast<std::size_t>(n));
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.starts_with(field)) continue;
    line.remove_prefix(field.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    pid_t value = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), value).ec != std::errc()) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

bool is_eventfd(int fd) {
  std::array<char, 32> path;
  std::array<char, 64> target{};
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
  if (readlink(path.data(), target.data(), target.size() - 1) < 0) return false;
  return std::string_view(target.data()) == "anon_inode:[eventfd]";
}

bool dead(int pidfd) {
  pollfd p{.fd = pidfd, .events = POLLIN, .revents = 0};
  return poll(&p, 1, 0) != 0;
}

}  // namespace

std::string check_terms(const AddVm& t) {
  if (t.fair_vcpus == 0) return "a VM needs at least one fair vCPU";
  if (t.fair_vcpus > CANDOR_MAX_VCPUS || t.realtime_vcpus > CANDOR_MAX_VCPUS ||
      t.fair_vcpus + t.realtime_vcpus > CANDOR_MAX_VCPUS)
    return std::to_string(t.fair_vcpus) + " fair and " + std::to_string(t.realtime_vcpus) +
           " real-time vCPUs are more than the " + std::to_string(CANDOR_MAX_VCPUS) + " of a VM";
  if (t.max_priority > 99) return "max_priority " + std::to_string(t.max_priority) + " is above 99";
  if (std::memchr(t.name, 0, sizeof t.name) == nullptr) return "the VM's name is not terminated";
  return {};
}

Result<CheckedVm, std::string> check_registration(const AddVm& terms, Packet& packet) {
  const auto refuse = [](std::string why) { return Error{std::move(why)}; };
  const auto message = packet.as<Register>(MessageType::kRegister);
  if (!message) return refuse("this is not a Register message of this version");
  if (packet.sender != terms.process)
    return refuse("process " + std::to_string(packet.sender) + " registers for a VM of process " +
                  std::to_string(terms.process));
  if (packet.fd_count != 2) return refuse("a registration carries two descriptors: the area, then the bell");
  const std::uint32_t vcpus = terms.fair_vcpus + terms.realtime_vcpus;
  if (message->vcpu_count != vcpus || vcpus > CANDOR_MAX_VCPUS)
    return refuse(std::to_string(message->vcpu_count) + " vCPU threads, but the VM has " +
                  std::to_string(vcpus) + " vCPUs");
  if (!is_eventfd(packet.fds[1].get())) return refuse("the bell is not an eventfd");
  auto area = SharedArea::map(packet.fds[0].get());
  if (!area.ok()) return refuse(area.error());

  // The pidfd first: what is then found in /proc belongs to the process behind
  // it, if that process still lives afterwards.
  const pid_t tender = message->tender;
  Fd pidfd(tender > 1 ? static_cast<int>(syscall(SYS_pidfd_open, tender, 0)) : -1);
  if (!pidfd.open()) return refuse("there is no process " + std::to_string(tender) + " to be the tender");
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/status", tender);
  if (status_field(path.data(), "PPid:") != terms.process)
    return refuse("process " + std::to_string(tender) + " is not a child of the VM's process " +
                  std::to_string(terms.process));
  std::vector<VcpuThread> threads;
  threads.reserve(vcpus);
  for (std::uint32_t v = 0; v < vcpus; ++v) {
    const pid_t tid = message->tids[v];
    std::snprintf(path.data(), path.size(), "/proc/%d/status", tid);
    if (tid <= 1 || status_field(path.data(), "Tgid:") != tender)
      return refuse("thread " + std::to_string(tid) + " of vCPU " + std::to_string(v) +
                    " is not a thread of the tender, process " + std::to_string(tender));
    for (const VcpuThread& other : threads)
      if (other.tid == tid)
        return refuse("thread " + std::to_string(tid) + " is named for two vCPUs, the second is " +
                      std::to_string(v));
    auto clock = RunClock::open(tender, tid);
    if (!clock.ok())
      return refuse("the run time of thread " + std::to_string(tid) + " cannot be read from /proc/" +
                    std::to_string(tender) + "/task/" + std::to_string(tid) +
                    "/schedstat: " + std::strerror(clock.error()));
    threads.push_back({.tid = tid, .clock = std::move(*clock)});
  }
  if (dead(pidfd.get())) return refuse("the tender, process " + std::to_string(tender) + ", has died");
  return CheckedVm{.terms = terms,
                   .area = std::move(*area),
                   .bell = std::move(packet.fds[1]),
                   .tender = std::move(pidfd),
                   .vcpus = std::move(threads)};
}

}  // namespace candor::host
