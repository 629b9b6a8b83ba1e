// For the few things that all vCPUs share: console and heap.
//
// Held for well under a microsecond, with upcalls masked; the console's for a text where that goes by a UART.
// Spinning long would be wrong nevertheless: the holder's vCPU may have been preempted by ours. So after a
// short while the host is asked to wait, which lends the holder our rank.
#pragma once

#include "guest/vcpu.h"

namespace candor::kernel {

/// Lock words in the shared area that the kernel keeps for itself.
enum KernelLockIndex : std::uint32_t {
  kConsoleLock = 0,
  kHeapLock = 1,
  kThreadsLock = 2,
  kFirstWaitLock = 3,
  kFirstMutexLock = 67
};
constexpr std::uint32_t kWaitLocks = kFirstMutexLock - kFirstWaitLock;  // shared by all wait queues

class KernelLock {
 public:
  explicit KernelLock(std::uint32_t index) : index_(index), token_(Vcpu::here().lock_token()) {
    while (!take()) {
    }
  }
  ~KernelLock() {
    std::uint32_t expected = token_;
    if (!__atomic_compare_exchange_n(&lock_word(index_), &expected, 0u, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED))
      call_host(CANDOR_CALL_LOCK_WAKE, index_);
  }
  KernelLock(const KernelLock&) = delete;
  KernelLock& operator=(const KernelLock&) = delete;

 private:
  bool take() {
    for (int spins = 0; spins < 100; spins++) {
      std::uint32_t expected = 0;
      if (__atomic_compare_exchange_n(&lock_word(index_), &expected, token_, false, __ATOMIC_ACQUIRE,
                                      __ATOMIC_RELAXED))
        return true;
      relax();
    }
    if (kernel.locks_inherit && host_offers(CANDOR_FEATURE_LOCK_INHERIT))
      return call_host(CANDOR_CALL_LOCK_WAIT, index_) == CANDOR_OK;
    call_host(CANDOR_CALL_YIELD);
    return false;
  }

  Masked masked_;  // first, so that it is last to go
  std::uint32_t index_;
  std::uint32_t token_;
};

}  // namespace candor::kernel
