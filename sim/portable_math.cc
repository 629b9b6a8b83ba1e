#include "sim/portable_math.h"

#include <cmath>

namespace candor::sim {
namespace {

// As many binary digits as a double has behind its point.
constexpr int kDigits = 53;

}  // namespace

// One factor 2^(1/2), 2^(1/4), 2^(1/8) ... for each binary digit of the fraction.
double portable_exp2(double x) {
  const double whole = std::floor(x);
  double fraction = x - whole;
  double result = 1;
  double factor = 2;
  for (int i = 0; i < kDigits; ++i) {
    factor = std::sqrt(factor);
    fraction *= 2;
    if (fraction < 1) continue;
    fraction -= 1;
    result *= factor;
  }
  return std::ldexp(result, static_cast<int>(whole));
}

// A square doubles the logarithm, and so moves its next binary digit before the point.
double portable_log2(double x) {
  int exponent = 0;
  double rest = 2 * std::frexp(x, &exponent);  // in [1, 2)
  double result = exponent - 1;
  double digit = 1;
  for (int i = 0; i < kDigits; ++i) {
    rest *= rest;
    digit /= 2;
    if (rest < 2) continue;
    rest /= 2;
    result += digit;
  }
  return result;
}

double portable_power(double x, double y) {
  if (x <= 0) return 0;
  const double exponent = y * portable_log2(x);
  return exponent < -1000 ? 0 : portable_exp2(exponent);
}

}  // namespace candor::sim
