#include "guest/message_queue.h"

#include "guest/wait_guard.h"

namespace candor::kernel {

struct ByteQueue::Wait : Waiter {
  const void* from = nullptr;  // a sender's message
  void* to = nullptr;          // or where a receiver wants one
};

ByteQueue::~ByteQueue() {
  waiting_.expect_empty("a message queue");
}

void ByteQueue::put(const void* message) {
  std::size_t at = first_ + count_;
  if (at >= most_) at -= most_;
  __builtin_memcpy(memory_ + at * message_bytes_, message, message_bytes_);
  count_++;
}

void ByteQueue::take(void* message) {
  __builtin_memcpy(message, memory_ + first_ * message_bytes_, message_bytes_);
  first_ = first_ + 1 == most_ ? 0 : first_ + 1;
  count_--;
}

bool ByteQueue::send(const void* message, WaitLimit limit) {
  const bool may_wait = limit.permits_waiting();
  if (may_wait) expect_may_wait("MessageQueue::send");
  Wait self;
  ThreadControl* receiver = nullptr;
  bool sent = true;
  {
    const WaitGuard guard(waiting_);
    Waiter* first = waiting_.first();
    if (first != nullptr && count_ == 0) {  // it waits for a message, and there is none before this
      __builtin_memcpy(static_cast<Wait*>(first)->to, message, message_bytes_);
      receiver = waiting_.satisfy(*first);
    } else if (count_ < most_) {
      put(message);
    } else {
      sent = false;
      self.from = message;
      if (may_wait) waiting_.add(self);
    }
  }
  WaitQueue::wake(receiver);
  return sent || (may_wait && waiting_.wait(self, limit));
}

bool ByteQueue::receive(void* message, WaitLimit limit) {
  const bool may_wait = limit.permits_waiting();
  if (may_wait) expect_may_wait("MessageQueue::receive");
  Wait self;
  ThreadControl* sender = nullptr;
  bool received = true;
  {
    const WaitGuard guard(waiting_);
    if (count_ > 0) {
      take(message);
      if (Waiter* first = waiting_.first()) {  // it waited for room
        put(static_cast<Wait*>(first)->from);
        sender = waiting_.satisfy(*first);
      }
    } else {
      received = false;
      self.to = message;
      if (may_wait) waiting_.add(self);
    }
  }
  WaitQueue::wake(sender);
  return received || (may_wait && waiting_.wait(self, limit));
}

}  // namespace candor::kernel
