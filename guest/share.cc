// Work goes where there is time for it.
//
// Only the vCPU that carries a thread touches it, so it is the owner that gives one away; nobody takes. An
// idle vCPU says so in kernel.idle_vcpus, and rings the one with the most to give, once a millisecond at
// most. The owner looks when something begins to wait, when it is rung for, and at a time of its own, not at
// each dispatch. Nobody is woken but for a thread that is on its way to it.
#include <bit>

#include "guest/claim.h"
#include "guest/vcpu.h"

namespace candor::kernel {
namespace {

constexpr Duration kAskedEnough = milliseconds(1);

// An idle vCPU's bit and the owner's look may just miss each other. Then the work waits so long, not for
// good.
constexpr Duration kLookAgain = milliseconds(10);

}  // namespace

void Vcpu::ask_for_work(Time t) {
  if (kernel.fair_vcpus == 1 || realtime()) return;
  kernel.idle_vcpus.fetch_or(1ull << index_, std::memory_order_seq_cst);
  if (t - asked_ < kAskedEnough) return;
  Vcpu* busiest = nullptr;
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < kernel.fair_vcpus; i++) {
    const std::uint32_t waiting = at(i).waiting_.load(std::memory_order_relaxed);
    if (&at(i) == this || waiting <= most) continue;
    busiest = &at(i);
    most = waiting;
  }
  if (busiest == nullptr) return;
  asked_ = t;
  busiest->notify();
}

void Vcpu::has_work() {
  const std::uint64_t bit = 1ull << index_;
  if ((kernel.idle_vcpus.load(std::memory_order_relaxed) & bit) != 0)
    kernel.idle_vcpus.fetch_and(~bit, std::memory_order_relaxed);
}

/// The vCPU that would gain most by the thread: an idle one, which is taken off the list; for real-time ones
/// also one that runs what matters less. Or nullptr.
Vcpu* Vcpu::taker_for(const ThreadControl& thread) {
  const std::uint64_t others = ~(1ull << index_) & (thread.terms.vcpus != 0 ? thread.terms.vcpus : ~0ull);
  const auto has_room = [&](Vcpu& v) {
    return thread.reserved_on == nullptr || thread.reserved_on == &v ||
           v.room().left_ppm() >= thread.reserved_ppm;
  };
  for (std::uint64_t left = kernel.idle_vcpus.load(std::memory_order_relaxed) & others; left != 0;
       left &= left - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(left));
    if (!has_room(at(i))) continue;
    // Two owners may both see it; one gets it.
    if ((kernel.idle_vcpus.fetch_and(~(1ull << i), std::memory_order_relaxed) >> i & 1) != 0) return &at(i);
  }
  if (thread.rank.tier >= Tier::kFair) return nullptr;
  Vcpu* best = nullptr;
  std::uint32_t least = importance(thread.rank);
  for (std::uint32_t i = 0; i < kernel.fair_vcpus; i++) {
    const std::uint32_t runs = at(i).runs_.load(std::memory_order_relaxed);
    if ((others >> i & 1) == 0 || runs <= least || !has_room(at(i))) continue;
    best = &at(i);
    least = runs;
  }
  return best;
}

void Vcpu::share_work(Time t) {
  share_at_ = Time::never();
  if (realtime() || kernel.ending.load(std::memory_order_relaxed)) return;
  for (ThreadControl* i = ready_.front(); i != nullptr;) {
    ThreadControl* next = ReadyQueue::next(i);
    // The current one has not left its stack, a holder is looked for here, and one with a new home goes
    // there.
    if (i != current_ && i->held == nullptr && i->move_to == nullptr) {
      const Time when = i->patience.may_move_at(t);
      Vcpu* taker = when <= t ? taker_for(*i) : nullptr;
      if (taker != nullptr && (i->reserved_on == nullptr || move_reserve(*i, *taker))) {
        i->patience.moves(t);
        i->moves.fetch_add(1, std::memory_order_relaxed);
        hand_over(*i, *taker);
      } else {
        const bool soon = when > t && (i->rank.tier < Tier::kFair ||
                                       kernel.idle_vcpus.load(std::memory_order_relaxed) != 0);
        const Time again = soon ? when : t + kLookAgain;
        if (again < share_at_) share_at_ = again;
      }
    }
    i = next;
  }
}

}  // namespace candor::kernel
