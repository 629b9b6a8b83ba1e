// What others want of a thread: bits that travel to its vCPU by a link that is
// pushed once, however many senders there are. Pure; tested on the host.
//
// A sender may be preempted between setting a bit and pushing the link. Those that
// come after it must not wait for it, so their bits can be taken without the link.
#pragma once

#include <atomic>
#include <cstdint>

namespace candor::kernel {

class MailWord {
 public:
  /// True: the caller pushes the link, and nobody else does until take(). False: somebody has pushed it
  /// or is about to, and the owner must be told to look without it.
  [[nodiscard]] bool add(std::uint32_t bits) {
    return (word_.fetch_or(bits | kUnderWay, std::memory_order_acq_rel) & kUnderWay) == 0;
  }
  /// By the owner, who has the link.
  std::uint32_t take() { return word_.exchange(0, std::memory_order_acq_rel) & ~kUnderWay; }
  /// By the owner, who has not: the link is still to come.
  std::uint32_t take_early() { return word_.fetch_and(kUnderWay, std::memory_order_acq_rel) & ~kUnderWay; }

  [[nodiscard]] bool has(std::uint32_t bits) const {
    return (word_.load(std::memory_order_acquire) & bits) != 0;
  }
  [[nodiscard]] bool empty() const { return !has(~kUnderWay); }

 private:
  static constexpr std::uint32_t kUnderWay = 1u << 31;
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace candor::kernel
