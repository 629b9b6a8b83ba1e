// The shared area as the kernel sees it, and the way to the host.
//
// Words that the host or other vCPUs look at are read with peek() and written
// with put(): single accesses that the compiler neither splits nor invents.
#pragma once

#include <cstdint>
#include <type_traits>

#include "abi/candor.h"
#include "base/time.h"
#include "guest/arch/x86_64/cpu.h"

namespace candor::kernel {

template <typename T>
const T& area_at(std::uint64_t offset) {
  return *reinterpret_cast<const T*>(CANDOR_AREA_BASE + offset);
}
template <typename T>
T& own_area_at(std::uint64_t offset) {
  return *reinterpret_cast<T*>(CANDOR_AREA_BASE + offset);
}

inline const candor_host_page& host_page() {
  return area_at<candor_host_page>(CANDOR_OFF_HOST_PAGE);
}
inline const candor_host_vcpu& host_vcpu(std::uint32_t i) {
  return area_at<candor_host_vcpu[CANDOR_MAX_VCPUS]>(CANDOR_OFF_HOST_VCPUS)[i];
}
inline const candor_host_thread& host_thread(std::uint32_t slot) {
  return area_at<candor_host_thread[CANDOR_MAX_THREADS]>(CANDOR_OFF_HOST_THREADS)[slot];
}
inline candor_guest_page& guest_page() {
  return own_area_at<candor_guest_page>(CANDOR_OFF_GUEST_PAGE);
}
inline candor_guest_vcpu& vcpu_page(std::uint32_t i) {
  return own_area_at<candor_guest_vcpu[CANDOR_MAX_VCPUS]>(CANDOR_OFF_VCPUS)[i];
}
inline candor_thread& thread_slot(std::uint32_t slot) {
  return own_area_at<candor_thread[CANDOR_MAX_THREADS]>(CANDOR_OFF_THREADS)[slot];
}
inline candor_thread_stats& stats_slot(std::uint32_t slot) {
  return own_area_at<candor_thread_stats[CANDOR_MAX_THREADS]>(CANDOR_OFF_STATS)[slot];
}
inline std::uint32_t& lock_word(std::uint32_t index) {
  return own_area_at<std::uint32_t[CANDOR_MAX_LOCKS]>(CANDOR_OFF_LOCKS)[index];
}

template <typename T>
T peek(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
template <typename T>
void put(T& word, std::type_identity_t<T> value) {
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}
/// Counters have one writer, so adding needs no locked instruction.
inline void count(std::uint64_t& counter, std::uint64_t by = 1) {
  put(counter, counter + by);
}

/// Times in the area: unsigned, with a value of its own for "never".
inline std::uint64_t wire(Time t) {
  return t == Time::never() ? CANDOR_NO_TIME : static_cast<std::uint64_t>(t.ns);
}
inline Time unwire(std::uint64_t ns) {
  return ns >= static_cast<std::uint64_t>(INT64_MAX) ? Time::never() : Time{static_cast<std::int64_t>(ns)};
}

/// A write of several words that readers see whole or not at all.
class Publication {
 public:
  explicit Publication(std::uint32_t& seq) : seq_(seq) {
    put(seq_, seq_ + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
  }
  ~Publication() { __atomic_store_n(&seq_, seq_ + 1, __ATOMIC_RELEASE); }
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

 private:
  std::uint32_t& seq_;
};

/// A synthetic instruction. Upcalls must be masked: one that came in the host's
/// code would only be recorded, and nobody would look.
inline std::int64_t call_host(candor_call number, std::uint64_t a = 0, std::uint64_t b = 0,
                              std::uint64_t c = 0, std::uint64_t d = 0, std::uint64_t e = 0) {
  const auto entry = reinterpret_cast<candor_call_fn>(host_page().call_entry);
  return entry(CANDOR_CALL(this_vcpu_index(), number), a, b, c, d, e);
}

inline bool host_offers(std::uint32_t feature) {
  return (host_page().features & feature) != 0;
}

}  // namespace candor::kernel
