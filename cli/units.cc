#include "cli/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace candor::cli {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// Takes a whole number off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// Digits, perhaps a point and more of them, optional blanks, one of `units`; nothing else, a whole
// multiple of the smallest unit, and no overflow.
template <std::size_t N>
std::optional<std::uint64_t> parse_quantity(std::string_view text, const Unit (&units)[N]) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  std::uint64_t fraction = 0, one = 1;  // fraction / one
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t before = text.size();
    const auto digits = take_number(text);
    if (!digits || before - text.size() > 9) return std::nullopt;
    fraction = *digits;
    for (std::size_t i = before - text.size(); i > 0; --i) one *= 10;
  }
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  for (const Unit& unit : units) {
    if (text != unit.name) continue;
    std::uint64_t whole = 0, parts = 0, sum = 0;
    if (__builtin_mul_overflow(*number, unit.factor, &whole) ||
        __builtin_mul_overflow(fraction, unit.factor, &parts) || parts % one != 0 ||
        __builtin_add_overflow(whole, parts / one, &sum))
      return std::nullopt;
    return sum;
  }
  return std::nullopt;
}

// More processors than any Linux has; keeps "0-4000000000" from eating the memory.
constexpr int kCpuLimit = 8192;

std::optional<int> parse_cpu(std::string_view& text) {
  int cpu = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpu);
  if (error != std::errc{} || cpu < 0 || cpu >= kCpuLimit) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return cpu;
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr Unit kUnits[] = {{"KiB", kKiB}, {"MiB", kMiB}, {"GiB", kGiB}};
  return parse_quantity(text, kUnits);
}

std::optional<Duration> parse_duration(std::string_view text) {
  static constexpr Unit kUnits[] = {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}};
  const auto ns = parse_quantity(text, kUnits);
  if (!ns || *ns > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return nanoseconds(static_cast<std::int64_t>(*ns));
}

std::string format_duration(Duration time) {
  if (time.ns >= 1'000'000'000) return fmt::format("{}s", static_cast<double>(time.ns) / 1e9);
  if (time.ns >= 1'000'000) return fmt::format("{}ms", static_cast<double>(time.ns) / 1e6);
  if (time.ns >= 1'000) return fmt::format("{}us", static_cast<double>(time.ns) / 1e3);
  return fmt::format("{}ns", time.ns);
}

std::optional<std::vector<int>> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  while (true) {
    const auto first = parse_cpu(text);
    if (!first) return std::nullopt;
    auto last = first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      last = parse_cpu(text);
      if (!last || *last < *first) return std::nullopt;
    }
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
    if (text.empty()) break;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string format_cpu_list(const std::vector<int>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += last == i ? fmt::format("{}", cpus[i]) : fmt::format("{}-{}", cpus[i], cpus[last]);
    i = last + 1;
  }
  return text;
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes % kGiB == 0) return fmt::format("{}GiB", bytes / kGiB);
  if (bytes % kMiB == 0) return fmt::format("{}MiB", bytes / kMiB);
  return fmt::format("{}KiB", bytes / kKiB);
}

}  // namespace candor::cli
