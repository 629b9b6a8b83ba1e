// Nanoseconds as types. Freestanding.
#pragma once

#include <compare>
#include <cstdint>

namespace candor {

/// A length of time in nanoseconds. May be negative as the difference of two times.
struct Duration {
  std::int64_t ns = 0;

  constexpr auto operator<=>(const Duration&) const = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
  constexpr Duration& operator+=(Duration b) { return *this = *this + b; }
  constexpr Duration& operator-=(Duration b) { return *this = *this - b; }
};

constexpr Duration nanoseconds(std::int64_t n) {
  return {n};
}
constexpr Duration microseconds(std::int64_t n) {
  return {n * 1'000};
}
constexpr Duration milliseconds(std::int64_t n) {
  return {n * 1'000'000};
}
constexpr Duration seconds(std::int64_t n) {
  return {n * 1'000'000'000};
}

/// A point on the host's monotonic clock, in nanoseconds. `Time::never()` is after all others.
struct Time {
  std::int64_t ns = 0;

  static constexpr Time never() { return {INT64_MAX}; }
  constexpr auto operator<=>(const Time&) const = default;
  friend constexpr Time operator+(Time t, Duration d) {
    return {t.ns == INT64_MAX ? INT64_MAX : t.ns + d.ns};
  }
  friend constexpr Time operator-(Time t, Duration d) {
    return {t.ns == INT64_MAX ? INT64_MAX : t.ns - d.ns};
  }
  friend constexpr Duration operator-(Time a, Time b) { return {a.ns - b.ns}; }
};

}  // namespace candor
