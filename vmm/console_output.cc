#include "vmm/console_output.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vmm/clock.h"

namespace candor::vmm {
namespace {

constexpr int kWaitMs = 20;

}  // namespace

Fd ConsoleOutput::open_standard_output() {
  struct stat info = {};
  if (fstat(STDOUT_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))) {
    Fd own(open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own.open()) return own;
  }
  return Fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
}

bool ConsoleOutput::flush() {
  std::size_t done = 0;
  while (done < held_.size() && !gone_) {
    // One that says that it has room takes PIPE_BUF bytes as a whole (pipe(7)), also where it could make us
    // wait.
    pollfd room = {fd_, POLLOUT, 0};
    if (poll(&room, 1, 0) <= 0 || (room.revents & POLLOUT) == 0) {
      gone_ = (room.revents & (POLLERR | POLLNVAL)) != 0;
      break;
    }
    // Whole lines as far as they fit, so that those of several VMs do not mix.
    std::size_t piece = std::min<std::size_t>(held_.size() - done, PIPE_BUF);
    if (const std::size_t end = held_.rfind('\n', done + piece - 1); end != std::string::npos && end >= done)
      piece = end + 1 - done;
    const ssize_t wrote = ::write(fd_, held_.data() + done, piece);
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
    if (wrote < 0 && errno != EINTR) {
      gone_ = errno != EAGAIN;
      break;
    }
  }
  held_.erase(0, done);
  if (gone_) held_.clear();
  return held_.empty();
}

std::size_t ConsoleOutput::finish(Duration patience) {
  const std::uint64_t limit = monotonic_ns() + static_cast<std::uint64_t>(patience.ns);
  while (!flush() && monotonic_ns() < limit) {
    pollfd room = {fd_, POLLOUT, 0};
    poll(&room, 1, kWaitMs);
  }
  return std::exchange(held_, {}).size();
}

}  // namespace candor::vmm
