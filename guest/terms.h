// What a thread asks for, and what it was granted.
#pragma once

#include <cstdint>

#include "abi/candor.h"
#include "base/time.h"

namespace candor {

/// What a thread is worth: its scheduling class and reserve.
struct Terms {
  std::uint8_t cls = CANDOR_CLASS_FAIR;
  std::uint8_t priority = 0;
  Duration budget;  // per period
  Duration period;
  Duration relative_deadline;  // zero: the period
  Duration expected;           // run time of a job, for the host's order and slices; zero: not known
  Duration blocking{};         // blocked_for()
  Duration slice{};            // sliced()
  std::uint64_t vcpus = 0;     // on()

  /// `work` of processor time every `period`, done by `deadline` after each release.
  static constexpr Terms deadline(Duration period, Duration work, Duration deadline = {}) {
    return {CANDOR_CLASS_DEADLINE, 0, budget_for(work), period, deadline, work};
  }
  /// The same at a fixed priority, 1 to 99; higher runs first.
  static constexpr Terms fixed(std::uint8_t priority, Duration period, Duration work) {
    return {CANDOR_CLASS_FIXED, priority, budget_for(work), period, {}, work};
  }
  /// The same for a thread whose jobs less urgent threads of this VM keep waiting, each for at most `most`
  /// in all: by a Mutex that they hold, or with upcalls masked. What handing a mutex over costs, some tens of
  /// microseconds, belongs to it. From 0 to the deadline less the budget, or the claim is refused as
  /// invalid. Counts like the budget against the VM's entitlement. Without meaning for fair and background
  /// threads.
  [[nodiscard]] constexpr Terms blocked_for(Duration most) const {
    Terms terms = *this;
    terms.blocking = most;
    return terms;
  }
  /// The same for a thread that takes turns with others of its priority, each time after running for `turn`,
  /// as SCHED_RR has it; without it, or with zero, a fixed thread runs until it waits or yields. Fair and
  /// background threads take turns of `turn` instead of 4 ms. Without meaning for deadline threads: of those
  /// with the same deadline the one that was ready first runs to its end.
  [[nodiscard]] constexpr Terms sliced(Duration turn) const {
    Terms terms = *this;
    terms.slice = turn;
    return terms;
  }
  /// The same for a thread that runs on those fair vCPUs only whose bits are set, from bit 0; 0: on any. An
  /// admitted claim that the host serves runs where the host says. None of them being one of this VM's is a
  /// mistake that ends it (panic).
  [[nodiscard]] constexpr Terms on(std::uint64_t which) const {
    Terms terms = *this;
    terms.vcpus = which;
    return terms;
  }
  /// `expected`: what the thread runs each time that it wakes up, zero where it does not know. A VM whose
  /// fair threads expect little may be served sooner; it gets no more.
  static constexpr Terms fair(Duration expected = {}) { return {CANDOR_CLASS_FAIR, 0, {}, {}, {}, expected}; }
  static constexpr Terms background() { return {CANDOR_CLASS_BACKGROUND, 0, {}, {}, {}, {}}; }

  /// The reserve that covers `work` and what starting and ending a job costs on top.
  /// The host charges the wake-up and interrupts to the thread: about 40 us for each
  /// job where exceptions are slow, as in cloud VMs, and a job that exceeds its reserve
  /// waits behind all other claims. Where the host is itself a VM more is worth having: up to as much again
  /// as the work.
  static constexpr Duration budget_for(Duration work) {
    return work + Duration{work.ns / 64} + microseconds(75);
  }
  /// What `reserve`, budget and blocking, in each period counts for against the VM's entitlement, in
  /// millionths of a processor (docs/abi.md §6).
  [[nodiscard]] constexpr std::int64_t counted_ppm(Duration reserve) const {
    const std::int64_t job = reserve.ns < CANDOR_LEAST_JOB_NS ? CANDOR_LEAST_JOB_NS : reserve.ns;
    const std::int64_t counted = period.ns < CANDOR_OFTEN_PERIOD_NS ? job + CANDOR_OFTEN_JOB_NS : job;
    return (counted * 1'000'000 + period.ns - 1) / period.ns;
  }
  [[nodiscard]] constexpr bool realtime() const {
    return cls == CANDOR_CLASS_DEADLINE || cls == CANDOR_CLASS_FIXED;
  }
};

/// A reason of this kernel's own besides enum candor_refusal: no slot of the area is left for the thread.
constexpr std::uint32_t kRefusedNoSlot = 0x100;

/// What became of a thread's claim.
struct Claim {
  std::uint32_t status = CANDOR_CLAIM_NONE;   // enum candor_claim_status
  std::uint32_t reason = CANDOR_REFUSED_NOT;  // enum candor_refusal or kRefusedNoSlot
  std::uint32_t fits_ppm = 0;                 // when refused for bandwidth: what would fit

  [[nodiscard]] bool admitted() const {
    return status == CANDOR_CLAIM_ADMITTED || status == CANDOR_CLAIM_EXHAUSTED;
  }
  /// The reason of a refusal, for people.
  [[nodiscard]] const char* why() const;
};

}  // namespace candor
