// Text from values, without a library, with the fields of std::format: "{}" takes the next argument, and
// "{:[[fill]align][sign][#][0][width][.precision][type]}" says how; "{{" and "}}" are braces. Of types there
// are d, x, X, b, o, c for integers, c for characters, s for texts, e, f, g for floating point, p for
// pointers. How many arguments a pattern takes and whether their types can be shown so is checked when it is
// compiled. In a pattern that is not known then, what does not match shows as it is, since a message must
// never be lost to a mistake in its format. Pure; tested on the host.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/time.h"

namespace candor {

enum class FormatKind : std::uint8_t {
  kText,
  kCharacter,
  kSigned,
  kUnsigned,
  kAddress,
  kDuration,
  kFloating
};

/// What stands between ':' and '}'.
struct FormatSpec {
  char fill = ' ';
  char align = 0;  // '<', '>', '^'; 0: numbers to the right, the rest to the left
  char sign = '-';
  bool alternate = false;
  bool zeros = false;
  std::uint16_t width = 0;  // at least so many characters
  std::int16_t precision = -1;
  char type = 0;

  /// False if it is none.
  constexpr bool parse(std::string_view text);
  /// Whether an argument of this kind can be shown so.
  [[nodiscard]] constexpr bool suits(FormatKind kind) const;
};

/// One argument of a format.
class FormatArgument {
 public:
  FormatArgument(std::string_view text) : kind_(FormatKind::kText), text_(text) {}
  FormatArgument(const char* text) : kind_(FormatKind::kText), text_(text != nullptr ? text : "(null)") {}
  FormatArgument(bool value) : kind_(FormatKind::kText), text_(value ? "true" : "false") {}
  FormatArgument(char c) : kind_(FormatKind::kCharacter), number_(static_cast<unsigned char>(c)) {}
  FormatArgument(const void* p) : kind_(FormatKind::kAddress), number_(reinterpret_cast<std::uintptr_t>(p)) {}
  FormatArgument(Duration d) : kind_(FormatKind::kDuration), number_(static_cast<std::uint64_t>(d.ns)) {}
  FormatArgument(std::signed_integral auto n)
      : kind_(FormatKind::kSigned), number_(static_cast<std::uint64_t>(static_cast<std::int64_t>(n))) {}
  FormatArgument(std::unsigned_integral auto n) : kind_(FormatKind::kUnsigned), number_(n) {}
  /// A template, so that the kernel, which uses it nowhere, needs no extended register.
  FormatArgument(std::floating_point auto x)
      : kind_(FormatKind::kFloating),
        single_(std::same_as<decltype(x), float>),
        number_(std::bit_cast<std::uint64_t>(static_cast<double>(x))) {}

 private:
  friend class TextBuffer;
  FormatKind kind_;
  bool single_ = false;
  std::uint64_t number_ = 0;
  std::string_view text_;
};

/// Characters collected in memory that somebody else owns; what does not fit is cut off.
class TextBuffer {
 public:
  TextBuffer(char* memory, std::size_t bytes) : memory_(memory), bytes_(bytes) {}

  void append(char c) {
    if (used_ < bytes_) memory_[used_++] = c;
  }
  void append(std::string_view text) {
    for (char c : text) append(c);
  }
  void append(std::size_t count, char c) {
    while (count-- > 0 && used_ < bytes_) append(c);
  }
  void append_number(std::uint64_t value, unsigned base = 10, bool upper = false);
  void append(const FormatArgument& argument, const FormatSpec& spec);
  void format(std::string_view pattern, const FormatArgument* arguments, std::size_t count);

  [[nodiscard]] std::string_view text() const { return {memory_, used_}; }

 private:
  void append_duration(std::int64_t ns);
  void append_floating(std::uint64_t bits, bool single, const FormatSpec& spec);
  void append_integer(std::uint64_t value, const FormatSpec& spec);
  void insert(std::size_t at, std::size_t count, char c);

  char* memory_;
  std::size_t bytes_;
  std::size_t used_ = 0;
};

// ------------------------------------------------------------------ patterns

constexpr bool FormatSpec::parse(std::string_view text) {
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^'; };
  std::size_t i = 0;
  const auto number = [&](int most) {
    int value = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; i++) {
      value = value * 10 + (text[i] - '0');
      if (value > most) return -1;
    }
    return value;
  };
  constexpr int kMostPlaces = 1100;
  if (text.size() > 1 && is_align(text[1])) {  // any fill but braces
    fill = text[0];
    align = text[1];
    i = 2;
  } else if (!text.empty() && is_align(text[0])) {
    align = text[i++];
  }
  if (i < text.size() && (text[i] == '+' || text[i] == '-' || text[i] == ' ')) sign = text[i++];
  if (i < text.size() && text[i] == '#') {
    alternate = true;
    i++;
  }
  if (i < text.size() && text[i] == '0') {
    zeros = true;
    i++;
  }
  const int places = number(kMostPlaces);
  if (places < 0) return false;
  width = static_cast<std::uint16_t>(places);
  if (i < text.size() && text[i] == '.') {
    const std::size_t begin = ++i;
    const int digits = number(kMostPlaces);
    if (digits < 0 || i == begin) return false;
    precision = static_cast<std::int16_t>(digits);
  }
  if (i < text.size()) type = text[i++];
  return i == text.size();
}

constexpr bool FormatSpec::suits(FormatKind kind) const {
  const auto one_of = [this](std::string_view types) { return type == 0 || types.find(type) != types.npos; };
  const bool numeric = sign != '-' || alternate || zeros;
  switch (kind) {
    case FormatKind::kText:
      return one_of("s") && !numeric;
    case FormatKind::kCharacter:
      return one_of("cdx") && !numeric && precision < 0;
    case FormatKind::kSigned:
    case FormatKind::kUnsigned:
      return one_of("dxXboc") && precision < 0;
    case FormatKind::kAddress:
      return one_of("p") && !numeric && precision < 0;
    case FormatKind::kDuration:
      return one_of("") && !numeric && precision < 0;
    case FormatKind::kFloating:
      return one_of("eEfFgG") && !alternate;
  }
  return false;
}

template <typename T>
consteval FormatKind format_kind() {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::same_as<Plain, bool>) return FormatKind::kText;
  if constexpr (std::same_as<Plain, char>) return FormatKind::kCharacter;
  if constexpr (std::signed_integral<Plain>) return FormatKind::kSigned;
  if constexpr (std::unsigned_integral<Plain>) return FormatKind::kUnsigned;
  if constexpr (std::floating_point<Plain>) return FormatKind::kFloating;
  if constexpr (std::convertible_to<T, std::string_view>) return FormatKind::kText;
  if constexpr (std::convertible_to<T, Duration>) return FormatKind::kDuration;
  return FormatKind::kAddress;
}

/// The next field of a pattern, from `at`: its text between the braces, where it ends, and whether there is
/// one.
struct FormatField {
  std::string_view text;  // "" or ":..."
  std::size_t begin = 0;  // of the '{'
  std::size_t end = 0;    // behind the '}'
};
/// An escaped brace is one with the text "{" or "}". `begin` is the pattern's size if there is none.
constexpr FormatField next_field(std::string_view pattern, std::size_t at) {
  for (; at < pattern.size(); at++) {
    const char c = pattern[at];
    if (c != '{' && c != '}') continue;
    if (at + 1 < pattern.size() && pattern[at + 1] == c) return {pattern.substr(at, 1), at, at + 2};
    if (c == '}') continue;
    const std::size_t end = pattern.find('}', at);
    if (end == pattern.npos) continue;
    const std::string_view text = pattern.substr(at + 1, end - at - 1);
    if (text.empty() || text[0] == ':') return {text, at, end + 1};
  }
  return {{}, pattern.size(), pattern.size()};
}

/// A pattern whose fields are for these arguments.
template <typename... Arguments>
class CheckedPattern {
 public:
  template <std::convertible_to<std::string_view> S>
  consteval CheckedPattern(const S& pattern) : text_(pattern) {
    constexpr FormatKind kKinds[] = {format_kind<Arguments>()..., FormatKind::kText};
    std::size_t used = 0;
    for (std::size_t at = 0;;) {
      const FormatField field = next_field(text_, at);
      if (field.begin == text_.size()) break;
      at = field.end;
      if (field.text == "{" || field.text == "}") continue;
      if (used == sizeof...(Arguments)) the_pattern_takes_more_arguments_than_there_are();
      FormatSpec spec;
      if (!field.text.empty() && !spec.parse(field.text.substr(1))) a_field_of_the_pattern_is_malformed();
      if (!spec.suits(kKinds[used])) an_argument_cannot_be_shown_so();
      used++;
    }
    if (used != sizeof...(Arguments)) there_are_more_arguments_than_the_pattern_takes();
  }
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  // Not to be called when compiling, which then ends with their names.
  static void the_pattern_takes_more_arguments_than_there_are();
  static void there_are_more_arguments_than_the_pattern_takes();
  static void a_field_of_the_pattern_is_malformed();
  static void an_argument_cannot_be_shown_so();
  std::string_view text_;
};
template <typename... Arguments>
using Pattern = CheckedPattern<std::type_identity_t<Arguments>...>;

/// Writes to memory of the caller's, as print() does to the console: format_to(line, "{:6.2f}\n", x). What
/// does not fit is cut off. The text is not ended by a zero byte. Any context.
template <typename... Arguments>
std::string_view format_to(std::span<char> into, Pattern<Arguments...> pattern,
                           const Arguments&... arguments) {
  const FormatArgument list[] = {FormatArgument(arguments)..., FormatArgument(0)};
  TextBuffer buffer(into.data(), into.size());
  buffer.format(pattern.text(), list, sizeof...(arguments));
  return buffer.text();
}

}  // namespace candor
