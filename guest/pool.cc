#include "guest/pool.h"

#include "guest/panic.h"
#include "guest/wait_guard.h"

namespace candor::kernel {

struct BlockPool::Wait : Waiter {
  void* block = nullptr;
};

BlockPool::~BlockPool() {
  waiting_.expect_empty("a pool");
  if (in_use_ != 0) panic("a pool is destroyed while {} of its {} objects exist", in_use_, blocks_);
}

void* BlockPool::take(WaitLimit limit) {
  const bool may_wait = limit.permits_waiting();
  if (may_wait) expect_may_wait("Pool::create");
  Wait self;
  {
    const WaitGuard guard(waiting_);
    if (in_use_ < blocks_) {
      void* block = free_;
      if (block != nullptr)
        free_ = free_->next;
      else
        block = memory_ + fresh_++ * block_bytes_;
      in_use_++;
      flip(number_of(block));
      return block;
    }
    if (!may_wait) return nullptr;
    waiting_.add(self);
  }
  return waiting_.wait(self, limit) ? self.block : nullptr;
}

void BlockPool::give_back(void* block) {
  ThreadControl* next = nullptr;
  bool taken = false;
  {
    const WaitGuard guard(waiting_);
    taken = is_taken(number_of(block));
    if (!taken) {
      // Two have destroyed it at the same time.
    } else if (Waiter* first = waiting_.first()) {
      static_cast<Wait*>(first)->block = block;  // from hand to hand: nobody comes between
      next = waiting_.satisfy(*first);
    } else {
      flip(number_of(block));
      in_use_--;
      free_ = new (block) Free{free_};
    }
  }
  if (!taken) panic("Pool::destroy: twice, of the object at {}", block);
  WaitQueue::wake(next);
}

std::size_t BlockPool::number_of(const void* block) const {
  return static_cast<std::size_t>(static_cast<const std::byte*>(block) - memory_) / block_bytes_;
}

void BlockPool::expect_taken(const void* block) const {
  const auto* at = static_cast<const std::byte*>(block);
  const bool ours = at >= memory_ && at < memory_ + blocks_ * block_bytes_ &&
                    static_cast<std::size_t>(at - memory_) % block_bytes_ == 0;
  if (!ours) panic("Pool::destroy: none of this pool's objects is at {}", block);
  bool taken = false;
  {
    const WaitGuard guard(waiting_);
    taken = is_taken(number_of(block));
  }
  if (!taken) panic("Pool::destroy: twice, of the object at {}", block);
}

}  // namespace candor::kernel
