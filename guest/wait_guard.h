// The lock of a wait queue.
#pragma once

#include "guest/kernel_lock.h"
#include "guest/wait_queue.h"

namespace candor::kernel {

/// Holds the lock of a queue for a scope, masked. Threads of all vCPUs that want it wait for it, so what is
/// done within is short. Never two at a time: queues share locks.
class WaitGuard : public KernelLock {
 public:
  explicit WaitGuard(const WaitQueue& queue) : KernelLock(lock_of(queue)) {}

 private:
  static std::uint32_t lock_of(const WaitQueue& queue) {
    // Neighbours in memory have different ones.
    const std::uint64_t hash = (reinterpret_cast<std::uintptr_t>(&queue) >> 4) * 0x9e3779b97f4a7c15;
    return kFirstWaitLock + static_cast<std::uint32_t>(hash >> 58) % kWaitLocks;
  }
};

}  // namespace candor::kernel
