// Nanoseconds as types. Freestanding.
#pragma once

#include <compare>
#include <cstdint>
#include <type_traits>

namespace candor {

/// A std::chrono::duration, which this header does without: not all that see it have that library.
template <typename D>
concept ChronoDuration = requires(const D& d) {
  typename D::rep;
  D::period::num;
  D::period::den;
  d.count();
};
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
/// Each is a whole number of nanoseconds.
template <typename D>
concept WholeNanoseconds =
    ChronoDuration<D> && std::is_integral_v<typename D::rep> && kNsPerSecond* D::period::num %
        D::period::den ==
    0;
/// Each number of nanoseconds is one of these.
template <typename D>
concept HoldsNanoseconds = ChronoDuration<D> &&
    (std::is_floating_point_v<typename D::rep> || D::period::den % (kNsPerSecond * D::period::num) == 0);

/// What stands in braces for a number of nanoseconds: a number alone is no time.
struct NanosecondCount {
  std::int64_t ns;
  template <typename I>
  requires requires(const I& i) { std::int64_t{i}; }
  constexpr NanosecondCount(const I& i) : ns(i) {}
};

/// A length of time in nanoseconds. May be negative as the difference of two times. Converts from and to
/// std::chrono's durations where nothing is lost by it, as those among each other; elsewhere
/// std::chrono::duration_cast says how to round.
struct Duration {
  std::int64_t ns = 0;

  constexpr Duration() = default;
  constexpr Duration(NanosecondCount count) : ns(count.ns) {}
  template <WholeNanoseconds D>
  constexpr Duration(const D& d)
      : ns(static_cast<std::int64_t>(d.count()) * (kNsPerSecond * D::period::num / D::period::den)) {}
  template <HoldsNanoseconds D>
  constexpr operator D() const {
    using Rep = typename D::rep;
    if constexpr (std::is_floating_point_v<Rep>)
      return D(static_cast<Rep>(ns) *
               (static_cast<Rep>(D::period::den) / static_cast<Rep>(kNsPerSecond * D::period::num)));
    else
      return D(static_cast<Rep>(ns) * static_cast<Rep>(D::period::den / (kNsPerSecond * D::period::num)));
  }

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

class Clock;  // guest/chrono.h

/// A point on the host's monotonic clock, in nanoseconds. `Time::never()` is after all others. Converts from
/// and to std::chrono's time points of guests' Clock as durations do.
struct Time {
  std::int64_t ns = 0;

  constexpr Time() = default;
  constexpr Time(NanosecondCount count) : ns(count.ns) {}
  template <typename P>
  requires std::is_same_v<typename P::clock, Clock> && WholeNanoseconds<typename P::duration>
  constexpr Time(const P& point) : ns(Duration(point.time_since_epoch()).ns) {}
  template <typename P>
  requires std::is_same_v<typename P::clock, Clock> && HoldsNanoseconds<typename P::duration>
  constexpr operator P() const { return P(static_cast<typename P::duration>(Duration{ns})); }

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
