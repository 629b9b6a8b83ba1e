// Doubles as decimal digits and back, exactly, in integers: the kernel prints them without touching an
// extended register. A double is given by its bits. Pure; tested on the host.
#pragma once

#include <cstddef>
#include <cstdint>

namespace candor::decimal {

constexpr std::uint64_t kInfinity = 0x7ff0'0000'0000'0000;

/// The digits of a finite double, without its sign: 0.DIGITS * 10^point. Zero has none.
class Digits {
 public:
  /// All of it: 767 digits at most. Costs up to some 100 us for the smallest numbers, 1 us for usual ones.
  explicit Digits(std::uint64_t bits);
  /// As few as tell this double from all others, or from all other floats if it is one and `single` is true,
  /// and of these the nearest.
  static Digits shortest(std::uint64_t bits, bool single);

  /// Rounded to `count` digits, half to even. Less than one: of 0.06, 0 digits are 0 and -1 is none, too.
  void round(int count);

  /// From 0; '0' beyond the last, and before the first.
  [[nodiscard]] char digit(int i) const { return i >= 0 && i < count_ ? digits_[i] : '0'; }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] int point() const { return point_; }

 private:
  static constexpr int kMost = 784;
  int count_ = 0;
  int point_ = 0;
  char digits_[kMost];
};

/// The bits of the double that is nearest to DIGITS * 10^exponent, half to even; kInfinity where it is too
/// large. `digits`: `count` of '0' to '9'; beyond the 800th they count as far as they decide what is nearer.
std::uint64_t nearest_double(const char* digits, std::size_t count, std::int64_t exponent);

}  // namespace candor::decimal
