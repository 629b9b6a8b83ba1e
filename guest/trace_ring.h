// A vCPU's trace: the newest records of what its scheduler did, for the host, the shell and panics
// (docs/abi.md, section 10). Pure; tested on the host.
#pragma once

#include <cstdint>

#include "abi/candor.h"
#include "base/time.h"
#include "base/trace_window.h"

namespace candor::kernel {

/// A length of time as a record has it.
constexpr std::uint32_t trace_length(Duration d) {
  return d.ns <= 0 ? 0 : d.ns < 0xffffffff ? static_cast<std::uint32_t>(d.ns) : 0xffffffffu;
}

class TraceRing {
 public:
  /// `memory`: `records` of them, a power of two up to CANDOR_MAX_TRACE_RECORDS, that outlive this. `page`
  /// tells the host, who must not see it before it is true: call this once, before the vCPU traces.
  void start(candor_trace* memory, std::uint32_t records, candor_guest_vcpu& page) {
    words_ = reinterpret_cast<std::uint64_t*>(memory);
    mask_ = records - 1;
    next_ = &page.trace_next;
    __atomic_store_n(next_, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&page.trace_records, records, __ATOMIC_RELAXED);
    __atomic_store_n(&page.trace_at, reinterpret_cast<std::uint64_t>(memory), __ATOMIC_RELEASE);
  }
  [[nodiscard]] bool on() const { return words_ != nullptr; }

  /// In place of the oldest. Only if on(), on the vCPU that it belongs to, masked. `thread`: a slot or
  /// CANDOR_TRACE_*. A few nanoseconds.
  void add(Time t, candor_trace_event event, std::uint32_t thread, std::uint32_t argument) {
    const auto ns = static_cast<std::uint64_t>(t.ns);
    if (ns > last_ns_) last_ns_ = ns;  // who has read the clock first may come second
    std::uint64_t* record = words_ + 2 * (written_ & mask_);
    // Number `written_` is under way from here on: readers that see any of it see the count, too.
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(record, last_ns_, __ATOMIC_RELAXED);
    __atomic_store_n(record + 1, argument | std::uint64_t{thread & 0xffff} << 32 | std::uint64_t{event} << 48,
                     __ATOMIC_RELAXED);
    __atomic_store_n(next_, ++written_, __ATOMIC_RELEASE);
  }

  // From any vCPU, while that one goes on.

  /// How many have been written.
  [[nodiscard]] std::uint64_t written() const { return on() ? __atomic_load_n(next_, __ATOMIC_ACQUIRE) : 0; }
  /// Record number `number`; false if it has been overwritten, or is still to come.
  [[nodiscard]] bool read(std::uint64_t number, candor_trace& to) const {
    const std::uint64_t before = written();
    if (number >= before) return false;
    const std::uint64_t* record = words_ + 2 * (number & mask_);
    const std::uint64_t time = __atomic_load_n(record, __ATOMIC_RELAXED);
    const std::uint64_t rest = __atomic_load_n(record + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (number < whole_records(before, written(), mask_ + 1).first) return false;
    to.time_ns = time;
    to.argument = static_cast<std::uint32_t>(rest);
    to.thread = static_cast<std::uint16_t>(rest >> 32);
    to.event = static_cast<std::uint8_t>(rest >> 48);
    to.reserved = 0;
    return true;
  }

 private:
  std::uint64_t* words_ = nullptr;  // two for each record
  std::uint64_t mask_ = 0;
  std::uint64_t* next_ = nullptr;
  std::uint64_t written_ = 0;
  std::uint64_t last_ns_ = 0;
};

static_assert(sizeof(candor_trace) == 16 && __builtin_offsetof(candor_trace, argument) == 8 &&
              __builtin_offsetof(candor_trace, thread) == 12 &&
              __builtin_offsetof(candor_trace, event) == 14);

}  // namespace candor::kernel
