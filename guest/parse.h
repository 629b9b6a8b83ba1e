// Reading command lines: words, numbers and lengths of time. Pure; tested on the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace candor {

/// Takes the part of `rest` up to the next `separator` off its front.
constexpr std::string_view take_until(std::string_view& rest, char separator) {
  std::size_t length = 0;
  while (length < rest.size() && rest[length] != separator) length++;
  const std::string_view part = rest.substr(0, length);
  rest.remove_prefix(length < rest.size() ? length + 1 : length);
  return part;
}

/// The next word of `rest`, words being set apart by blanks; empty at the end.
constexpr std::string_view take_word(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return take_until(rest, ' ');
}

constexpr std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

/// A length of time: digits, perhaps a decimal fraction, and ns, us, ms or s. At most an hour.
constexpr std::optional<Duration> parse_duration(std::string_view text) {
  std::size_t at = 0;
  const auto digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  std::int64_t whole = 0, fraction = 0, places = 1;
  if (!digit()) return std::nullopt;
  for (; digit(); at++) {
    whole = whole * 10 + (text[at] - '0');
    if (whole > 3'600'000'000'000) return std::nullopt;
  }
  if (at < text.size() && text[at] == '.') {
    at++;
    if (!digit()) return std::nullopt;
    for (; digit(); at++)
      if (places < 1'000'000'000) fraction = fraction * 10 + (text[at] - '0'), places *= 10;
  }
  const std::string_view unit = text.substr(at);
  const std::int64_t scale = unit == "ns"   ? 1
                             : unit == "us" ? 1'000
                             : unit == "ms" ? 1'000'000
                             : unit == "s"  ? 1'000'000'000
                                            : 0;
  if (scale == 0 || whole > 3'600'000'000'000 / scale) return std::nullopt;
  return Duration{whole * scale + fraction * scale / places};
}

}  // namespace candor
