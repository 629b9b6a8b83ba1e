// Typed reading of TOML tables: every key is known, every value has limits, and
// every message says where, what, which limit and what to do about it.
#pragma once

#include <fmt/format.h>

// Errors come back as values; an exception from a typing mistake would be no message.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 0  // cli/toml.cc has what is no template
#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cli/units.h"

namespace candor::cli {

class ConfigReader {
 public:
  using Names = std::vector<std::string_view>;

  explicit ConfigReader(std::string file) : file_(std::move(file)) {}

  std::vector<std::string>& errors() { return errors_; }

  /// As messages name it. Paths in it start from its folder.
  [[nodiscard]] const std::string& file() const { return file_; }

  /// What the following messages are about: `vm "a"`, `[host]`.
  void set_subject(std::string subject) { subject_ = std::move(subject); }

  /// `what` includes the remedy.
  void fail(const toml::source_region& where, std::string_view what) {
    errors_.push_back(fmt::format("{}:{}:{}: {}{}{}", file_, where.begin.line, where.begin.column, subject_,
                                  subject_.empty() ? "" : ": ", what));
  }
  void fail(const toml::node& value, std::string_view key, std::string_view what) {
    fail(value.source(), fmt::format("key \"{}\": value {} {}", key, text_of(value), what));
  }

  /// How a message about this value would begin, for what is found out after reading.
  [[nodiscard]] std::string place(const toml::node& value, std::string_view key) const {
    return fmt::format("{}:{}:{}: {}: key \"{}\": value {}", file_, value.source().begin.line,
                       value.source().begin.column, subject_, key, text_of(value));
  }

  void reject_unknown(const toml::table& table, const Names& known) {
    for (const auto& entry : table) {
      const toml::key& key = entry.first;
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      fail(key.source(), fmt::format("key \"{}\" is unknown; {}", key.str(), suggestion(key.str(), known)));
    }
  }

  /// The remedy where `name` should have been one of `known` (not empty).
  static std::string suggestion(std::string_view name, const Names& known) {
    const auto nearer = [name](std::string_view a, std::string_view b) {
      return distance(name, a) < distance(name, b);
    };
    const auto nearest = *std::min_element(known.begin(), known.end(), nearer);
    const bool close = distance(name, nearest) <= std::max<std::size_t>(2, nearest.size() / 3);
    return close ? fmt::format("did you mean \"{}\"?", nearest) : "known are " + join(known);
  }

  std::uint32_t integer(const toml::table& table, std::string_view key, std::uint32_t low, std::uint32_t high,
                        std::uint32_t fallback) {
    const toml::node* node = table.get(key);
    if (!node) return fallback;
    const auto value = node->value_exact<std::int64_t>();
    if (value && *value >= low && *value <= high) return static_cast<std::uint32_t>(*value);
    const bool above = value && *value > high;
    fail(*node, key,
         fmt::format(
             "{}; write a whole number from {} to {}",
             !value ? "is not a whole number"
                    : fmt::format("is {} the limit of {}", above ? "above" : "below", above ? high : low),
             low, high));
    return fallback;
  }

  bool boolean(const toml::table& table, std::string_view key, bool fallback) {
    const toml::node* node = table.get(key);
    if (!node) return fallback;
    const auto value = node->value_exact<bool>();
    if (!value) fail(*node, key, "is neither true nor false; write one of them, without quotes");
    return value.value_or(fallback);
  }

  std::optional<std::string> string(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (!node) return std::nullopt;
    auto value = node->value_exact<std::string>();
    if (!value) fail(*node, key, "is not a string; write it in double quotes");
    return value;
  }

  std::optional<Duration> duration(const toml::table& table, std::string_view key, Duration low,
                                   Duration high) {
    const auto text = string(table, key);
    if (!text) return std::nullopt;
    const auto value = parse_duration(*text);
    if (value && *value >= low && *value <= high) return value;
    const bool above = value && *value > high;
    fail(*table.get(key), key,
         fmt::format("is {}; write a time from {} to {}",
                     !value ? "not a time with unit ns, us, ms or s"
                            : fmt::format("{} the limit of {}", above ? "above" : "below",
                                          format_duration(above ? high : low)),
                     format_duration(low), format_duration(high)));
    return std::nullopt;
  }

  /// The index in `known` of a string.
  std::optional<std::size_t> choice(const toml::table& table, std::string_view key, const Names& known) {
    const auto text = string(table, key);
    return text ? choice(*table.get(key), key, *text, known) : std::nullopt;
  }
  std::optional<std::size_t> choice(const toml::node& value, std::string_view key, std::string_view text,
                                    const Names& known) {
    const auto found = std::find(known.begin(), known.end(), text);
    if (found != known.end()) return static_cast<std::size_t>(found - known.begin());
    fail(value, key, "is unknown; " + suggestion(text, known));
    return std::nullopt;
  }

 private:
  static std::string join(const Names& names) {
    std::string all;
    for (std::string_view name : names) all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", name);
    return all;
  }

  static std::string text_of(const toml::node& value) {
    if (const auto text = value.value_exact<std::string>()) return '"' + *text + '"';
    if (const auto number = value.value_exact<std::int64_t>()) return fmt::format("{}", *number);
    if (const auto number = value.value_exact<double>()) return fmt::format("{}", *number);
    if (const auto truth = value.value_exact<bool>()) return *truth ? "true" : "false";
    return value.is_array() ? "[...]" : value.is_table() ? "{...}" : "(a date)";
  }

  // Edits that turn one name into the other.
  static std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
      std::size_t diagonal = row[0]++;
      for (std::size_t j = 0; j < b.size(); ++j) {
        const std::size_t replaced = diagonal + (a[i] != b[j]);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
      }
    }
    return row[b.size()];
  }

  std::string file_;
  std::string subject_;
  std::vector<std::string> errors_;
};

}  // namespace candor::cli
