// What people write in configuration files, as numbers: sizes, times, lists of processors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace candor::cli {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

/// "16MiB", "1.5 MiB", "2GiB". A unit is required: a bare number could mean anything.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// "10ms", "16.7ms", "1s", "250ns". A unit is required.
std::optional<Duration> parse_duration(std::string_view text);

/// The inverse of parse_duration: "1.5ms", with the largest unit of which it is at least one.
std::string format_duration(Duration time);

/// Linux's list syntax, "0-3,8": ascending, without repetition. Nothing for bad syntax or an empty list.
std::optional<std::vector<int>> parse_cpu_list(std::string_view text);

/// The inverse of parse_cpu_list, with ranges where they are shorter.
std::string format_cpu_list(const std::vector<int>& cpus);

/// The shortest exact form: 16777216 is "16MiB".
std::string format_bytes(std::uint64_t bytes);

}  // namespace candor::cli
