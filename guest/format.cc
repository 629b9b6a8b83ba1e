#include "guest/format.h"

namespace candor {

void TextBuffer::append_number(std::uint64_t value, unsigned base) {
  char digits[20];
  std::size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (count > 0) append(digits[--count]);
}

/// In the largest unit of ns, us, ms, s that leaves a whole part, with three decimals at most.
void TextBuffer::append_duration(std::int64_t ns) {
  if (ns < 0) {
    append('-');
    ns = -ns;
  }
  static constexpr struct {
    std::int64_t scale;
    const char* name;
  } kUnits[] = {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}};
  for (const auto& unit : kUnits) {
    if (ns < unit.scale) continue;
    append_number(static_cast<std::uint64_t>(ns / unit.scale));
    std::int64_t rest = ns % unit.scale / (unit.scale / 1000);
    if (rest != 0) {
      append('.');
      for (std::int64_t place = 100; rest != 0; place /= 10) {
        append(static_cast<char>('0' + rest / place));
        rest %= place;
      }
    }
    append(std::string_view(unit.name));
    return;
  }
  append_number(static_cast<std::uint64_t>(ns));
  append(std::string_view("ns"));
}

void TextBuffer::append(const FormatArgument& argument, bool hexadecimal) {
  using Kind = FormatArgument::Kind;
  switch (argument.kind_) {
    case Kind::kText:
      append(argument.text_);
      return;
    case Kind::kCharacter:
      append(static_cast<char>(argument.number_));
      return;
    case Kind::kAddress:
      append(std::string_view("0x"));
      append_number(argument.number_, 16);
      return;
    case Kind::kDuration:
      append_duration(static_cast<std::int64_t>(argument.number_));
      return;
    case Kind::kSigned:
      if (!hexadecimal && static_cast<std::int64_t>(argument.number_) < 0) {
        append('-');
        append_number(0 - argument.number_);
        return;
      }
      [[fallthrough]];
    case Kind::kUnsigned:
      append_number(argument.number_, hexadecimal ? 16 : 10);
  }
}

void TextBuffer::format(std::string_view pattern, const FormatArgument* arguments, std::size_t count) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < pattern.size(); i++) {
    const bool plain = pattern.substr(i, 2) == "{}";
    const bool hexadecimal = pattern.substr(i, 3) == "{x}";
    if ((plain || hexadecimal) && used < count) {
      append(arguments[used++], hexadecimal);
      i += hexadecimal ? 2 : 1;
    } else {
      append(pattern[i]);
    }
  }
}

}  // namespace candor
