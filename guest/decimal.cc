#include "guest/decimal.h"

#include <bit>

namespace candor::decimal {
namespace {

constexpr int kMantissaBits = 52;
constexpr int kBias = 1075;  // a double is mantissa * 2^(biased exponent - kBias)
constexpr std::size_t kMostDigits = 800;

/// A natural number of up to 5,120 bits: 800 digits, or the smallest double's denominator times as many.
class Natural {
 public:
  explicit Natural(std::uint64_t value) {
    for (; value != 0; value >>= 32) words_[size_++] = static_cast<std::uint32_t>(value);
  }

  void multiply_and_add(std::uint32_t factor, std::uint32_t summand) {
    std::uint64_t carry = summand;
    for (int i = 0; i < size_; i++) {
      carry += std::uint64_t{words_[i]} * factor;
      words_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) words_[size_++] = static_cast<std::uint32_t>(carry);
  }

  void multiply_by_power_of_5(int exponent) {
    constexpr std::uint32_t k5To13 = 1'220'703'125;
    for (; exponent >= 13; exponent -= 13) multiply_and_add(k5To13, 0);
    for (; exponent > 0; exponent--) multiply_and_add(5, 0);
  }

  void shift_left(int bits) {
    const int words = bits / 32, rest = bits % 32;
    if (size_ == 0) return;
    words_[size_] = 0;
    for (int i = size_; i >= 0; i--) {
      const std::uint32_t below = i > 0 && rest != 0 ? words_[i - 1] >> (32 - rest) : 0;
      words_[i + words] = words_[i] << rest | below;
    }
    for (int i = 0; i < words; i++) words_[i] = 0;
    size_ += words + 1;
    if (words_[size_ - 1] == 0) size_--;
  }

  /// The remainder.
  std::uint32_t divide(std::uint32_t divisor) {
    std::uint64_t rest = 0;
    for (int i = size_ - 1; i >= 0; i--) {
      rest = rest << 32 | words_[i];
      words_[i] = static_cast<std::uint32_t>(rest / divisor);
      rest %= divisor;
    }
    while (size_ > 0 && words_[size_ - 1] == 0) size_--;
    return static_cast<std::uint32_t>(rest);
  }

  [[nodiscard]] bool zero() const { return size_ == 0; }

  [[nodiscard]] int compare(const Natural& other) const {
    if (size_ != other.size_) return size_ < other.size_ ? -1 : 1;
    for (int i = size_ - 1; i >= 0; i--)
      if (words_[i] != other.words_[i]) return words_[i] < other.words_[i] ? -1 : 1;
    return 0;
  }

 private:
  int size_ = 0;  // words without leading zeros
  std::uint32_t words_[160];
};

struct Binary {
  std::uint64_t mantissa;
  int exponent;
};

Binary binary(std::uint64_t bits) {
  const std::uint64_t mantissa = bits & ((1ull << kMantissaBits) - 1);
  const int exponent = static_cast<int>(bits >> kMantissaBits & 2047);
  if (exponent == 0) return {mantissa, 1 - kBias};
  return {mantissa | 1ull << kMantissaBits, exponent - kBias};
}

/// digits * 10^exponent, to be compared with halves between doubles.
class Decimal {
 public:
  /// Of at most kMostDigits digits; `more`: and something behind them.
  Decimal(const char* digits, std::size_t count, int exponent, bool more)
      : number_(0), power_(more ? exponent - 1 : exponent) {
    for (std::size_t i = 0; i < count; i++)
      number_.multiply_and_add(10, static_cast<std::uint32_t>(digits[i] - '0'));
    if (more) number_.multiply_and_add(10, 1);
    if (power_ > 0) number_.multiply_by_power_of_5(power_);
  }

  /// With mantissa * 2^exponent.
  [[nodiscard]] int compare(std::uint64_t mantissa, int exponent) const {
    Natural other(mantissa);
    if (power_ < 0) other.multiply_by_power_of_5(-power_);
    // Here number * 2^power, there other * 2^exponent.
    const int shift = exponent - power_;
    if (shift >= 0) {
      other.shift_left(shift);
      return number_.compare(other);
    }
    Natural shifted = number_;
    shifted.shift_left(-shift);
    return shifted.compare(other);
  }

 private:
  Natural number_;
  int power_;
};

/// Whether no other number of `bits` bits, whose exponent is at least `least`, is nearer to it.
bool nearest_is(const Decimal& d, Binary b, int bits, int least) {
  const bool even = b.mantissa % 2 == 0;  // what lies in the middle is its
  const int above = d.compare(2 * b.mantissa + 1, b.exponent - 1);
  if (above > 0 || (above == 0 && !even)) return false;
  // Below a power of two they are twice as close.
  const bool closer = b.mantissa == 1ull << (bits - 1) && b.exponent > least;
  const int below =
      closer ? d.compare(4 * b.mantissa - 1, b.exponent - 2) : d.compare(2 * b.mantissa - 1, b.exponent - 1);
  return below > 0 || (below == 0 && even);
}

}  // namespace

Digits::Digits(std::uint64_t bits) {
  Binary b = binary(bits);
  if (b.mantissa == 0) return;
  const int zeros = std::countr_zero(b.mantissa);
  b = {b.mantissa >> zeros, b.exponent + zeros};
  Natural number(b.mantissa);
  if (b.exponent > 0) number.shift_left(b.exponent);
  // m / 2^e = m * 5^e / 10^e
  else
    number.multiply_by_power_of_5(-b.exponent);
  char backwards[kMost];
  int n = 0;
  while (!number.zero()) {
    std::uint32_t nine = number.divide(1'000'000'000);
    for (int i = 0; i < 9 && (nine != 0 || !number.zero()); i++, nine /= 10)
      backwards[n++] = static_cast<char>('0' + nine % 10);
  }
  point_ = b.exponent > 0 ? n : n + b.exponent;
  int last = 0;
  while (backwards[last] == '0') last++;
  while (n > last) digits_[count_++] = backwards[--n];
}

Digits Digits::shortest(std::uint64_t bits, bool single) {
  const Digits all(bits);
  if (all.count_ == 0) return all;
  Binary b = binary(bits);
  int size = kMantissaBits + 1, least = 1 - kBias;
  if (single) {
    size = 24;
    least = -149;
    const int exponent = b.exponent + 29 > least ? b.exponent + 29 : least;
    b = {b.mantissa >> (exponent - b.exponent), exponent};
  }
  const int enough = single ? 9 : 17;
  for (int n = 1; n < enough && n < all.count_; n++) {
    Digits some = all;
    some.round(n);
    const Decimal d(some.digits_, static_cast<std::size_t>(some.count_), some.point_ - some.count_, false);
    if (nearest_is(d, b, size, least)) return some;
  }
  Digits some = all;
  some.round(enough);
  return some;
}

void Digits::round(int count) {
  if (count >= count_) return;
  bool up = false;
  if (count >= 0) {
    const bool half_or_more = digits_[count] >= '5';
    const bool exactly_half = digits_[count] == '5' && count + 1 == count_;  // the last digit is none of zero
    const bool odd = count > 0 && (digits_[count - 1] - '0') % 2 != 0;
    up = half_or_more && (!exactly_half || odd);
  }
  count_ = count > 0 ? count : 0;
  if (up) {
    while (count_ > 0 && digits_[count_ - 1] == '9') count_--;
    if (count_ > 0) {
      digits_[count_ - 1]++;
    } else {
      digits_[count_++] = '1';
      point_++;
    }
  }
  while (count_ > 0 && digits_[count_ - 1] == '0') count_--;
}

std::uint64_t nearest_double(const char* digits, std::size_t count, std::int64_t exponent) {
  while (count > 0 && *digits == '0') {
    digits++;
    count--;
  }
  while (count > 0 && digits[count - 1] == '0') {
    count--;
    exponent++;
  }
  // 0.DIGITS * 10^point
  const std::int64_t point = exponent + static_cast<std::int64_t>(count);
  if (count == 0 || point < -330) return 0;
  if (point > 310) return kInfinity;
  const bool more = count > kMostDigits;
  if (more) {
    exponent += static_cast<std::int64_t>(count - kMostDigits);
    count = kMostDigits;
  }
  const Decimal d(digits, count, static_cast<int>(exponent), more);
  // Bits of positive doubles have the order of their values.
  std::uint64_t least = 0, most = kInfinity;
  while (least < most) {
    const std::uint64_t middle = least + (most - least) / 2;
    const Binary b = binary(middle);
    const int above =
        d.compare(2 * b.mantissa + 1, b.exponent - 1);  // with what lies between it and the next
    if (above < 0 || (above == 0 && middle % 2 == 0)) {
      most = middle;
    } else {
      least = middle + 1;
    }
  }
  return least;
}

}  // namespace candor::decimal
