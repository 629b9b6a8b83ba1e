#include "guest/format.h"

#include "guest/decimal.h"

namespace candor {

void TextBuffer::append_number(std::uint64_t value, unsigned base, bool upper) {
  const char* const names = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  char digits[64];
  std::size_t count = 0;
  do {
    digits[count++] = names[value % base];
    value /= base;
  } while (value != 0);
  while (count > 0) append(digits[--count]);
}

/// Shifts what stands behind `at`; what then does not fit is cut off.
void TextBuffer::insert(std::size_t at, std::size_t count, char c) {
  append(count, c);
  for (std::size_t i = used_; i-- > at + count;) memory_[i] = memory_[i - count];
  for (std::size_t i = at; i < at + count && i < used_; i++) memory_[i] = c;
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

void TextBuffer::append_integer(std::uint64_t value, const FormatSpec& spec) {
  switch (spec.type) {
    case 'x':
    case 'X':
      if (spec.alternate) append(std::string_view(spec.type == 'x' ? "0x" : "0X"));
      return append_number(value, 16, spec.type == 'X');
    case 'b':
      if (spec.alternate) append(std::string_view("0b"));
      return append_number(value, 2);
    case 'o':
      if (spec.alternate && value != 0) append('0');
      return append_number(value, 8);
    case 'c':
      return append(static_cast<char>(value));
    default:
      append_number(value);
  }
}

/// Without its sign. Without a type and a precision as few digits as tell the number from all others, in the
/// shorter of the two notations, as std::format has it.
void TextBuffer::append_floating(std::uint64_t bits, bool single, const FormatSpec& spec) {
  const bool upper = spec.type >= 'A' && spec.type <= 'Z';
  const char type = static_cast<char>(spec.type | 0x20);
  if (bits >= decimal::kInfinity) {
    const bool infinite = bits == decimal::kInfinity;
    return append(std::string_view(upper ? (infinite ? "INF" : "NAN") : (infinite ? "inf" : "nan")));
  }
  const bool shortest = spec.type == 0 && spec.precision < 0;
  int precision = spec.precision < 0 ? 6 : spec.precision;
  decimal::Digits digits = shortest ? decimal::Digits::shortest(bits, single) : decimal::Digits(bits);
  const auto exponent = [&] { return digits.count() == 0 ? 0 : digits.point() - 1; };
  bool scientific = type == 'e';
  if (shortest) {
    const int count = digits.count() == 0 ? 1 : digits.count();
    const int of_exponent = exponent() > 99 || exponent() < -99 ? 5 : 4;  // e+00
    const int length_scientific = count + (count > 1 ? 1 : 0) + of_exponent;
    int length_fixed = exponent() + 1;
    if (exponent() < 0)
      length_fixed = 1 + 1 + (count - exponent() - 1);
    else if (count > exponent() + 1)
      length_fixed = count + 1;
    scientific = length_scientific < length_fixed;
    precision = scientific ? count - 1 : count - 1 - exponent();
    if (!scientific && precision <= 0) digits = decimal::Digits(bits);  // a whole number has all its digits
  } else if (type == 'e') {
    digits.round(precision + 1);
  } else if (type == 'f') {
    digits.round(digits.point() + precision);
  } else {  // like 'g': so many digits, without zeros at the end
    if (precision == 0) precision = 1;
    digits.round(precision);
    scientific = exponent() < -4 || exponent() >= precision;
    const int count = digits.count() == 0 ? 1 : digits.count();
    precision = scientific ? count - 1 : count - 1 - exponent();
  }
  if (precision < 0) precision = 0;
  const int first = scientific ? 0 : digits.point() - 1;  // the place of the last digit before the point
  for (int i = first < 0 ? first : 0; i <= first; i++) append(digits.digit(i));
  if (precision > 0) append('.');
  for (int i = 1; i <= precision; i++) append(digits.digit(first + i));
  if (scientific) {
    const int e = exponent();
    append(upper ? 'E' : 'e');
    append(e < 0 ? '-' : '+');
    const auto size = static_cast<std::uint64_t>(e < 0 ? -e : e);
    if (size < 10) append('0');
    append_number(size);
  }
}

void TextBuffer::append(const FormatArgument& argument, const FormatSpec& spec) {
  using Kind = FormatKind;
  const std::size_t begin = used_;
  std::uint64_t number = argument.number_;
  const bool character = spec.type == 'c';
  const bool number_like =
      !character && (argument.kind_ == Kind::kSigned || argument.kind_ == Kind::kUnsigned ||
                     argument.kind_ == Kind::kFloating);
  if (number_like) {
    const bool floating = argument.kind_ == Kind::kFloating;
    const bool negative = argument.kind_ != Kind::kUnsigned && static_cast<std::int64_t>(number) < 0;
    if (negative) number = floating ? number & ~(1ull << 63) : 0 - number;
    if (negative || spec.sign != '-') append(negative ? '-' : spec.sign);
  }
  const bool prefixed =
      spec.alternate && number_like && spec.type != 0 && spec.type != 'd' && spec.type != 'o';
  std::size_t zeros_at = used_ + (prefixed ? 2 : 0);
  switch (argument.kind_) {
    case Kind::kText:
      append(spec.precision < 0 ? argument.text_
                                : argument.text_.substr(0, static_cast<std::size_t>(spec.precision)));
      break;
    case Kind::kCharacter:
      if (spec.type == 0 || character)
        append(static_cast<char>(number));
      else
        append_integer(number, spec);
      break;
    case Kind::kAddress:
      append(std::string_view("0x"));
      append_number(number, 16);
      break;
    case Kind::kDuration:
      append_duration(static_cast<std::int64_t>(number));
      break;
    case Kind::kFloating:
      append_floating(number, argument.single_, spec);
      if (number >= decimal::kInfinity) zeros_at = SIZE_MAX;
      break;
    case Kind::kSigned:
    case Kind::kUnsigned:
      append_integer(number, spec);
  }
  const std::size_t length = used_ - begin;
  if (length >= spec.width) return;
  const std::size_t missing = spec.width - length;
  if (spec.align == 0 && spec.zeros && number_like && zeros_at != SIZE_MAX)
    return insert(zeros_at, missing, '0');
  const bool to_the_right =
      number_like || argument.kind_ == Kind::kAddress || argument.kind_ == Kind::kDuration;
  const char align = spec.align != 0 ? spec.align : to_the_right ? '>' : '<';
  const std::size_t before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  insert(begin, before, spec.fill);
  append(missing - before, spec.fill);
}

void TextBuffer::format(std::string_view pattern, const FormatArgument* arguments, std::size_t count) {
  std::size_t used = 0;
  for (std::size_t at = 0; at < pattern.size();) {
    const FormatField field = next_field(pattern, at);
    append(pattern.substr(at, field.begin - at));
    at = field.end;
    if (field.begin == pattern.size()) break;
    FormatSpec spec;
    if (field.text == "{" || field.text == "}") {
      append(field.text);
    } else if (used < count && (field.text.empty() || spec.parse(field.text.substr(1))) &&
               spec.suits(arguments[used].kind_)) {
      append(arguments[used++], spec);
    } else {
      append(pattern.substr(field.begin, field.end - field.begin));
    }
  }
}

}  // namespace candor
