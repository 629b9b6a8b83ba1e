// A bounded queue of messages, by value.
#pragma once

#include <cstddef>
#include <type_traits>

#include "guest/clock.h"
#include "guest/wait_queue.h"

namespace candor {

namespace kernel {

/// What MessageQueue does, for bytes.
class ByteQueue {
 public:
  constexpr ByteQueue(std::byte* memory, std::size_t message_bytes, std::size_t most)
      : memory_(memory), message_bytes_(message_bytes), most_(most) {}
  ~ByteQueue();
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  [[nodiscard]] bool send(const void* message, WaitLimit limit);
  [[nodiscard]] bool receive(void* message, WaitLimit limit);
  [[nodiscard]] std::size_t size() const { return __atomic_load_n(&count_, __ATOMIC_RELAXED); }

 private:
  struct Wait;
  void put(const void* message);
  void take(void* message);

  WaitQueue waiting_;  // for room, or for messages: never both
  std::byte* memory_;
  std::size_t message_bytes_, most_;
  std::size_t first_ = 0, count_ = 0;
};

}  // namespace kernel

/// Up to `kMost` messages from any number of senders to any number of receivers, first in, first out. Of
/// those that wait the most urgent is served first. Must outlive its use. Copying is done with upcalls
/// masked, so messages are small: send a pointer to what is not.
template <typename T, std::size_t kMost>
class MessageQueue {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 256 && kMost > 0);

 public:
  constexpr MessageQueue() : queue_(memory_, sizeof(T), kMost) {}
  MessageQueue(const MessageQueue&) = delete;
  MessageQueue& operator=(const MessageQueue&) = delete;

  /// Waits for room as long as it takes. Threads only.
  void send(const T& message) { (void)queue_.send(&message, kernel::WaitLimit::none()); }
  /// False if there is no room. Any context.
  [[nodiscard]] bool try_send(const T& message) { return queue_.send(&message, Time{}); }
  /// False if there was no room until then. Threads only.
  [[nodiscard]] bool try_send_until(const T& message, Time until) { return queue_.send(&message, until); }
  [[nodiscard]] bool try_send_for(const T& message, Duration most) {
    return queue_.send(&message, now() + most);
  }

  /// Waits for a message as long as it takes. Threads only.
  void receive(T& message) { (void)queue_.receive(&message, kernel::WaitLimit::none()); }
  /// False, and `message` is as it was, if there is none. Any context.
  [[nodiscard]] bool try_receive(T& message) { return queue_.receive(&message, Time{}); }
  /// False, and `message` is as it was, if none came until then. Threads only.
  [[nodiscard]] bool try_receive_until(T& message, Time until) { return queue_.receive(&message, until); }
  [[nodiscard]] bool try_receive_for(T& message, Duration most) {
    return queue_.receive(&message, now() + most);
  }

  /// As of a moment ago.
  [[nodiscard]] std::size_t size() const { return queue_.size(); }

 private:
  alignas(T) std::byte memory_[kMost * sizeof(T)] = {};
  kernel::ByteQueue queue_;
};

}  // namespace candor
