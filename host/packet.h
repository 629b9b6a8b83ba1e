// Packets of host/protocol.h on SOCK_SEQPACKET sockets, with descriptors and the
// sender's process number. Errors are errno values; no call raises SIGPIPE.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "base/result.h"
#include "host/protocol.h"
#include "os/fd.h"

namespace candor::host {

inline constexpr std::size_t kMaxPacketBytes = 512;
inline constexpr std::size_t kMaxPacketFds = 4;

struct Packet {
  std::array<std::byte, kMaxPacketBytes> bytes;
  std::size_t size = 0;
  std::array<Fd, kMaxPacketFds> fds;
  std::size_t fd_count = 0;
  pid_t sender = 0;  // by the kernel, where the receiver has SO_PASSCRED; else 0

  /// Its type, if it is long enough to have one.
  [[nodiscard]] std::optional<MessageType> type() const;
  /// The message, if it is one of this type and of exactly its size.
  template <typename Message>
  [[nodiscard]] std::optional<Message> as(MessageType wanted) const {
    static_assert(std::is_trivially_copyable_v<Message>);
    if (type() != wanted || size != sizeof(Message)) return std::nullopt;
    Message message;
    std::memcpy(&message, bytes.data(), sizeof message);
    return message;
  }
};

/// Whether the kernel shall vouch for the sender even if the receiver has not asked for it yet.
enum class Credentials { kNo, kYes };

/// Waits at most `timeout_ms` for room. ETIMEDOUT, EPIPE, ECONNRESET and what sendmsg() says.
Result<Done, int> send_bytes(int socket, const void* bytes, std::size_t size, std::span<const int> fds,
                             int timeout_ms, Credentials credentials);

template <typename Message>
Result<Done, int> send_packet(int socket, const Message& message, int timeout_ms,
                              std::span<const int> fds = {}, Credentials credentials = Credentials::kNo) {
  static_assert(std::is_trivially_copyable_v<Message> && sizeof(Message) <= kMaxPacketBytes);
  return send_bytes(socket, &message, sizeof message, fds, timeout_ms, credentials);
}

/// Waits at most `timeout_ms` for a packet. ETIMEDOUT; ECONNRESET when the other end is gone;
/// EMSGSIZE for a packet or a set of descriptors larger than any of ours (it is dropped).
Result<Packet, int> receive_packet(int socket, int timeout_ms);

}  // namespace candor::host
