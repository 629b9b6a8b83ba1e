#include "vmm/clock.h"

#include <x86intrin.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>

namespace candor::vmm {
namespace {

constexpr std::uint64_t kBaselineNs = 20'000'000;
constexpr std::int64_t kCorrectionNs = 1'000'000'000;
constexpr std::int64_t kMostCorrectionNs = 1'000'000;
constexpr std::int64_t kMostWorkedOffNs = 10'000'000;

struct Reading {
  std::uint64_t tsc, ns;
};

/// Both clocks at one instant: of several attempts the one least disturbed.
Reading read_both() {
  Reading best = {};
  std::uint64_t narrowest = ~0ull;
  for (int i = 0; i < 8; i++) {
    const std::uint64_t before = __rdtsc();
    const std::uint64_t ns = monotonic_ns();
    const std::uint64_t after = __rdtsc();
    if (after - before < narrowest) {
      narrowest = after - before;
      best = {before + (after - before) / 2, ns};
    }
  }
  return best;
}

std::uint64_t rate(const Reading& from, const Reading& to) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(to.ns - from.ns) << 32) /
                                    (to.tsc - from.tsc));
}

bool kernel_trusts_tsc() {
  std::string source;
  std::ifstream("/sys/devices/system/clocksource/clocksource0/current_clocksource") >> source;
  return source == "tsc" || source == "kvm-clock" || source == "hyperv_clocksource_tsc_page";
}

}  // namespace

std::uint64_t monotonic_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

TscScale calibrate_tsc() {
  const Reading first = read_both();
  const timespec pause = {0, static_cast<long>(kBaselineNs)};
  nanosleep(&pause, nullptr);
  const Reading second = read_both();
  if (second.tsc <= first.tsc) return {};
  return {first.tsc, first.ns, rate(first, second), kernel_trusts_tsc()};
}

std::uint64_t clock_ns(const candor_clock_scale& scale, std::uint64_t tsc) {
  const std::uint64_t ticks = tsc > scale.base_tsc ? tsc - scale.base_tsc : 0;
  return scale.base_ns + static_cast<std::uint64_t>(static_cast<unsigned __int128>(ticks) * scale.mult >> 32);
}

GuestClock::GuestClock(candor_clock& page, const TscScale& scale) : page_(page), origin_(scale) {
  page_.flags = scale.usable ? CANDOR_CLOCK_TSC : 0;
  publish({scale.tsc, scale.ns, scale.mult});
}

void GuestClock::refresh() {
  const Reading now = read_both();
  refresh(now.tsc, now.ns);
}

void GuestClock::refresh(std::uint64_t tsc, std::uint64_t ns) {
  const auto behind = static_cast<std::int64_t>(ns - clock_ns(published_, tsc));
  if (tsc <= origin_.tsc || behind > kMostWorkedOffNs || behind < -kMostWorkedOffNs) {
    // The host was suspended, or moved: its two clocks have a new beginning, and the guests' a leap.
    origin_ = {tsc, ns, origin_.mult, origin_.usable};
    publish({tsc, ns, origin_.mult});
    return;
  }
  const std::uint64_t true_rate = rate({origin_.tsc, origin_.ns}, {tsc, ns});
  // What the guest's clock must make up for, as a change of its rate over the next second.
  const std::int64_t correction = std::clamp(behind, -kMostCorrectionNs, kMostCorrectionNs);
  const auto change =
      static_cast<std::int64_t>(static_cast<__int128>(true_rate) * correction / kCorrectionNs);
  origin_.mult = true_rate;
  publish({tsc, clock_ns(published_, tsc), true_rate + static_cast<std::uint64_t>(change)});
}

void GuestClock::publish(const candor_clock_scale& scale) {
  published_ = scale;
  const std::uint32_t next = page_.seq + 1;
  candor_clock_scale& to = page_.scale[next & 1];
  __atomic_store_n(&to.base_tsc, scale.base_tsc, __ATOMIC_RELAXED);
  __atomic_store_n(&to.base_ns, scale.base_ns, __ATOMIC_RELAXED);
  __atomic_store_n(&to.mult, scale.mult, __ATOMIC_RELAXED);
  __atomic_store_n(&page_.fallback_ns, monotonic_ns(), __ATOMIC_RELAXED);
  __atomic_store_n(&page_.seq, next, __ATOMIC_RELEASE);
}

}  // namespace candor::vmm
