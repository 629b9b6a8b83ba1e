// Powers and logarithms with the same bits on every machine. The C library
// promises no particular rounding for exp2, log2 and pow, so a scenario that used
// them could differ between two of its versions. These use additions,
// multiplications and square roots only, which IEEE 754 rounds one way.
#pragma once

namespace candor::sim {

/// 2 to the power of `x`, -1000 <= x <= 1000, to about 14 digits.
double portable_exp2(double x);

/// Logarithm of a normal positive `x` to base 2, to about 15 digits.
double portable_log2(double x);

/// `x` to the power of `y`, x in [0, 1], y > 0.
double portable_power(double x, double y);

}  // namespace candor::sim
