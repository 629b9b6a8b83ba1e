#include "host/packet.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace candor::host {
namespace {

// Waits for `events` on the socket; 0 or an errno. A signal does not prolong
// the wait noticeably: callers are processes that handle few.
int wait_for(int socket, short events, int timeout_ms) {
  pollfd p{.fd = socket, .events = events, .revents = 0};
  int n;
  do n = poll(&p, 1, timeout_ms);
  while (n < 0 && errno == EINTR);
  if (n < 0) return errno;
  return n == 0 ? ETIMEDOUT : 0;
}

union ControlBuffer {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * kMaxPacketFds) + CMSG_SPACE(sizeof(ucred))];
};

}  // namespace

std::optional<MessageType> Packet::type() const {
  if (size < sizeof(MessageType)) return std::nullopt;
  MessageType type;
  std::memcpy(&type, bytes.data(), sizeof type);
  return type;
}

Result<Done, int> send_bytes(int socket, const void* bytes, std::size_t size, std::span<const int> fds,
                             int timeout_ms, Credentials credentials) {
  if (fds.size() > kMaxPacketFds) return Error{EINVAL};
  iovec io{.iov_base = const_cast<void*>(bytes), .iov_len = size};
  ControlBuffer control{};
  msghdr header{};
  header.msg_iov = &io;
  header.msg_iovlen = 1;
  char* at = control.bytes;
  const auto add = [&](int type, const void* data, std::size_t length) {
    cmsghdr part{.cmsg_len = CMSG_LEN(length), .cmsg_level = SOL_SOCKET, .cmsg_type = type};
    std::memcpy(at, &part, sizeof part);
    std::memcpy(at + CMSG_LEN(0), data, length);
    at += CMSG_SPACE(length);
  };
  if (!fds.empty()) add(SCM_RIGHTS, fds.data(), fds.size_bytes());
  if (credentials == Credentials::kYes) {
    const ucred self{.pid = getpid(), .uid = getuid(), .gid = getgid()};
    add(SCM_CREDENTIALS, &self, sizeof self);
  }
  if (at != control.bytes) {
    header.msg_control = control.bytes;
    header.msg_controllen = static_cast<std::size_t>(at - control.bytes);
  }
  for (;;) {
    if (sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Done{};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Error{errno};
    if (const int error = wait_for(socket, POLLOUT, timeout_ms); error != 0) return Error{error};
  }
}

Result<Packet, int> receive_packet(int socket, int timeout_ms) {
  Packet packet;
  iovec io{.iov_base = packet.bytes.data(), .iov_len = packet.bytes.size()};
  ControlBuffer control{};
  msghdr header{};
  ssize_t n;
  for (;;) {
    header.msg_iov = &io;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n >= 0) break;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Error{errno};
    if (const int error = wait_for(socket, POLLIN, timeout_ms); error != 0) return Error{error};
  }
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    const unsigned char* data = CMSG_DATA(part);
    if (part->cmsg_type == SCM_CREDENTIALS && part->cmsg_len >= CMSG_LEN(sizeof(ucred))) {
      ucred sender;
      std::memcpy(&sender, data, sizeof sender);
      packet.sender = sender.pid;
    } else if (part->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd;
        std::memcpy(&fd, data + i * sizeof fd, sizeof fd);
        Fd owner(fd);  // what does not fit is closed
        if (packet.fd_count < kMaxPacketFds) packet.fds[packet.fd_count++] = std::move(owner);
      }
    }
  }
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Error{EMSGSIZE};
  // No message is empty: this is the end of the stream.
  if (n == 0) return Error{ECONNRESET};
  packet.size = static_cast<std::size_t>(n);
  return packet;
}

}  // namespace candor::host
