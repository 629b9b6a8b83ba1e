// Typed reading of rt-app's JSON objects: every message names the file, the path of the key, the value, what
// is possible and the remedy.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/config_reader.h"
#include "cli/rt_app_json.h"

namespace candor::cli {

class RtAppFields {
 public:
  explicit RtAppFields(std::string file) : file_(std::move(file)) {}

  std::vector<std::string>& errors() { return errors_; }

  static std::string below(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
  }

  /// `what` includes the remedy.
  void fail(const std::string& path, std::string_view what) {
    errors_.push_back(fmt::format("{}: {}{}{}", file_, path, path.empty() ? "" : ": ", what));
  }
  void fail(const std::string& path, const OrderedJson& value, std::string_view what) {
    std::string text =
        value.is_structured() ? (value.is_array() ? "[...]" : "{...}") : value.dump(-1, ' ', true);
    if (text.size() > kShownMax) text.resize(kShownMax);
    fail(path, fmt::format("value {} {}", text, what));
  }

  /// A whole number from `low` to `high`.
  std::optional<std::int64_t> integer(const std::string& path, const OrderedJson& value, std::int64_t low,
                                      std::int64_t high, std::string_view unit = "") {
    const bool whole =
        value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX);
    const std::int64_t number = whole ? value.get<std::int64_t>() : 0;
    if (whole && number >= low && number <= high) return number;
    fail(path, value,
         fmt::format("is {}; write a whole number from {} to {}{}",
                     !whole ? "not a whole number within reach"
                            : fmt::format("{} the limit of {}", number > high ? "above" : "below",
                                          number > high ? high : low),
                     low, high, unit));
    return std::nullopt;
  }

  /// Microseconds, as all of rt-app's times.
  std::optional<Duration> time(const std::string& path, const OrderedJson& value, Duration low,
                               Duration high) {
    const auto us = integer(path, value, low.ns / 1000, high.ns / 1000, " (microseconds)");
    return us ? std::optional(microseconds(*us)) : std::nullopt;
  }

  std::optional<std::string> string(const std::string& path, const OrderedJson& value) {
    if (value.is_string()) return value.get<std::string>();
    fail(path, value, "is not a string; write it in double quotes");
    return std::nullopt;
  }

  bool object(const std::string& path, const OrderedJson& value) {
    if (!value.is_object()) fail(path, value, "is not an object; write {...}");
    return value.is_object();
  }

 private:
  static constexpr std::size_t kShownMax = 60;

  std::string file_;
  std::vector<std::string> errors_;
};

}  // namespace candor::cli
