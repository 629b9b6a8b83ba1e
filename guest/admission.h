// The guest's own admission, where no host answers claims: what each vCPU has given away. Pure; tested on the
// host.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest/terms.h"

namespace candor::kernel {

constexpr std::uint32_t kWholePpm = 1'000'000;

/// The terms contradict themselves, by the rules that the host has (docs/abi.md §6).
constexpr bool contradicts_itself(const Terms& terms) {
  const Duration relative = terms.relative_deadline.ns > 0 ? terms.relative_deadline : terms.period;
  return terms.period < microseconds(500) || terms.period > seconds(60) || terms.budget.ns <= 0 ||
         terms.budget > relative || relative > terms.period || terms.blocking.ns < 0 ||
         terms.blocking > relative - terms.budget ||
         (terms.cls == CANDOR_CLASS_FIXED && (terms.priority < 1 || terms.priority > 99));
}

/// What sound terms take of a vCPU, in millionths: as the host counts them against an entitlement, or budget
/// and blocking by the deadline where that is more. Earliest deadline first meets all deadlines if the latter
/// make 100 % at most (density; Liu and Layland 1973 for deadlines at the periods).
constexpr std::uint32_t taken_ppm(const Terms& terms) {
  const Duration reserve = terms.budget + terms.blocking;
  const Duration relative = terms.relative_deadline.ns > 0 ? terms.relative_deadline : terms.period;
  const std::int64_t density = (reserve.ns * kWholePpm + relative.ns - 1) / relative.ns;
  const std::int64_t counted = terms.counted_ppm(reserve);
  const std::int64_t most = density > counted ? density : counted;
  return static_cast<std::uint32_t>(most < 2 * kWholePpm ? most : 2 * kWholePpm);
}

/// Of one vCPU. Any vCPU may take and give back.
class Room {
 public:
  [[nodiscard]] std::uint32_t left_ppm() const { return kWholePpm - taken_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool take(std::uint32_t ppm) {
    std::uint32_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (ppm > kWholePpm - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + ppm, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::uint32_t ppm) { taken_.fetch_sub(ppm, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> taken_{0};
};

}  // namespace candor::kernel
