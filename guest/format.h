// Text from values, without a library: "{}" takes the next argument, "{x}" in
// hexadecimal. Unmatched braces and missing arguments show as they are, since a
// message must never be lost to a mistake in its format. Pure; tested on the host.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace candor {

/// One argument of a format.
class FormatArgument {
 public:
  FormatArgument(std::string_view text) : kind_(Kind::kText), text_(text) {}
  FormatArgument(const char* text) : kind_(Kind::kText), text_(text != nullptr ? text : "(null)") {}
  FormatArgument(bool value) : kind_(Kind::kText), text_(value ? "true" : "false") {}
  FormatArgument(char c) : kind_(Kind::kCharacter), number_(static_cast<unsigned char>(c)) {}
  FormatArgument(const void* p) : kind_(Kind::kAddress), number_(reinterpret_cast<std::uintptr_t>(p)) {}
  FormatArgument(Duration d) : kind_(Kind::kDuration), number_(static_cast<std::uint64_t>(d.ns)) {}
  FormatArgument(std::signed_integral auto n)
      : kind_(Kind::kSigned), number_(static_cast<std::uint64_t>(static_cast<std::int64_t>(n))) {}
  FormatArgument(std::unsigned_integral auto n) : kind_(Kind::kUnsigned), number_(n) {}

 private:
  friend class TextBuffer;
  enum class Kind : std::uint8_t { kText, kCharacter, kSigned, kUnsigned, kAddress, kDuration };
  Kind kind_;
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
  void append_number(std::uint64_t value, unsigned base = 10);
  void append(const FormatArgument& argument, bool hexadecimal);
  void format(std::string_view pattern, const FormatArgument* arguments, std::size_t count);

  [[nodiscard]] std::string_view text() const { return {memory_, used_}; }

 private:
  void append_duration(std::int64_t ns);

  char* memory_;
  std::size_t bytes_;
  std::size_t used_ = 0;
};

}  // namespace candor
