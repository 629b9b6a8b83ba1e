// Functions of math.h that musl's archive has only with a stack protector, which reads a thread's own memory
// by %fs: sin, cos, tan and remainder. What they are made of comes from there.
#include <bit>
#include <cmath>
#include <cstdint>

// NOLINTBEGIN(readability-identifier-naming): the names are the C library's.
extern "C" {
// Of musl, for |x + tail| <= pi/4. The host's <cmath> knows other functions by these names.
double sine_of_small(double x, double tail, int has_tail) __asm__("__sin");
double cosine_of_small(double x, double tail) __asm__("__cos");
double tangent_of_small(double x, double tail, int odd) __asm__("__tan");
}

namespace {

constexpr double kQuarterPi = 0.785398163397448309616;

/// 2 / pi, 64 binary places a word, as many as the largest double needs.
constexpr std::uint64_t kTwoByPi[] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
    0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
    0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
};

struct Reduced {
  unsigned quarter;  // x = quarter * pi/2 + angle + tail, modulo 2 pi
  double angle;      // from -pi/4 to pi/4
  double tail;
};

/// For finite |x| > pi/4: by Payne and Hanek (1983), in integers. x times the digits of 2/pi, of which those
/// that count for whole turns are left out. Behind the point 126 places of the product are right, and no
/// double is nearer to a multiple of pi/2 than 2^-62 of it.
Reduced reduce(double x) {
  using Wide = unsigned __int128;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t mantissa = (bits & ((1ull << 52) - 1)) | 1ull << 52;
  const int exponent = static_cast<int>(bits >> 52 & 2047) - 1075;  // |x| = mantissa * 2^exponent
  // The first place of 2/pi that counts is that of 2^-(exponent + 2): those before give multiples of 4.
  std::uint64_t digits[3];
  for (int i = 0; i < 3; i++) {
    const int first = exponent - 2 + 64 * i;  // of this word's places, from 0
    if (first < 0) {
      const int zeros = -first;
      digits[i] = zeros >= 64 ? 0 : kTwoByPi[0] >> zeros;
      continue;
    }
    const int word = first / 64, shift = first % 64;
    digits[i] = shift == 0 ? kTwoByPi[word] : kTwoByPi[word] << shift | kTwoByPi[word + 1] >> (64 - shift);
  }
  // The product modulo 4, with its point after the second bit.
  const Wide low = Wide{mantissa} * digits[2];
  const Wide middle = Wide{mantissa} * digits[1] + static_cast<std::uint64_t>(low >> 64);
  const std::uint64_t high = mantissa * digits[0] + static_cast<std::uint64_t>(middle >> 64);
  const Wide product = Wide{high} << 64 | static_cast<std::uint64_t>(middle);
  auto quarter = static_cast<unsigned>(product >> 126);
  Wide fraction = product << 2;  // of pi/2
  const bool above = fraction >> 127 != 0;
  if (above) {  // nearer to the next quarter
    quarter++;
    fraction = -fraction;
  }
  const auto top = static_cast<std::uint64_t>(fraction >> 64);
  const int zeros =
      top != 0 ? std::countl_zero(top) : 64 + std::countl_zero(static_cast<std::uint64_t>(fraction) | 1);
  const auto leading = static_cast<std::uint64_t>(fraction << zeros >> 64);
  // In 64 bits of mantissa, then in two doubles.
  long double angle = static_cast<long double>(leading) * 1.57079632679489661923132169163975144L;
  angle = __builtin_ldexpl(angle, -64 - zeros);
  if (above != (x < 0)) angle = -angle;
  const auto head = static_cast<double>(angle);
  return {x < 0 ? 0 - quarter : quarter, head, static_cast<double>(angle - head)};
}

/// sin(x + turned * pi/2)
double sine(double x, unsigned turned) {
  if (!std::isfinite(x)) return x - x;
  const Reduced r = std::fabs(x) > kQuarterPi ? reduce(x) : Reduced{0, x, 0};
  const unsigned quarter = (r.quarter + turned) % 4;
  const double result =
      quarter % 2 == 0 ? sine_of_small(r.angle, r.tail, 1) : cosine_of_small(r.angle, r.tail);
  return quarter < 2 ? result : -result;
}

}  // namespace

extern "C" {

double sin(double x) {
  return x == 0 ? x : sine(x, 0);
}
double cos(double x) {
  return sine(x, 1);
}
double tan(double x) {
  if (x == 0) return x;
  if (!std::isfinite(x)) return x - x;
  const Reduced r = std::fabs(x) > kQuarterPi ? reduce(x) : Reduced{0, x, 0};
  return tangent_of_small(r.angle, r.tail, static_cast<int>(r.quarter % 2));
}
void sincos(double x, double* s, double* c) {
  *s = sin(x);
  *c = cos(x);
}

// A double has more than twice the digits of a float: rounding once more is as good as exact.
float sinf(float x) {
  return static_cast<float>(sin(static_cast<double>(x)));
}
float cosf(float x) {
  return static_cast<float>(cos(static_cast<double>(x)));
}
float tanf(float x) {
  return static_cast<float>(tan(static_cast<double>(x)));
}
void sincosf(float x, float* s, float* c) {
  *s = sinf(x);
  *c = cosf(x);
}

double remainder(double x, double y) {
  int quotient;
  return remquo(x, y, &quotient);
}
float remainderf(float x, float y) {
  int quotient;
  return remquof(x, y, &quotient);
}
}
// NOLINTEND(readability-identifier-naming)
