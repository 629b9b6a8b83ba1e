// Formats and decimal digits, beside what the host's libraries make of the same values.
#include "guest/format.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "guest/decimal.h"

namespace candor {
namespace {

template <typename... A>
std::string text_of(Pattern<A...> pattern, const A&... arguments) {
  char memory[2048];
  return std::string(format_to(memory, pattern, arguments...));
}

TEST(FormatSpec, Integers) {
  EXPECT_EQ(text_of("{:x} {:X} {:#x} {:b} {:#b} {:o} {:c}", 255, 255, 255, 5, 5, 8, 65),
            "ff FF 0xff 101 0b101 10 A");
  EXPECT_EQ(text_of("{:5}|{:<5}|{:^5}|{:>5}|{:05}", 42, 42, 42, 42, 42), "   42|42   | 42  |   42|00042");
  EXPECT_EQ(text_of("{:+} {: } {:06} {:#010x} {:x}", 7, 7, -42, 48879, -255), "+7  7 -00042 0x0000beef -ff");
  EXPECT_EQ(text_of("{:*^9d}", -123), "**-123***");
  EXPECT_EQ(text_of("{}", std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(FormatSpec, TextsAndOthers) {
  EXPECT_EQ(text_of("{:6}|{:>6}|{:.2}|{:-^7.3s}", "abc", "abc", "abc", "abcdef"), "abc   |   abc|ab|--abc--");
  EXPECT_EQ(text_of("{} {} {:3}|{:>3}", true, 'x', 'y', 'z'), "true x y  |  z");
  EXPECT_EQ(text_of("{}", reinterpret_cast<const void*>(0x1234)), "0x1234");
  EXPECT_EQ(text_of("{:>8}|{:<8}|", microseconds(1500), milliseconds(2)), "   1.5ms|2ms     |");
  EXPECT_EQ(text_of("{} {}", std::chrono::milliseconds(3), std::string("string")), "3ms string");
  EXPECT_EQ(text_of("{{}} {{{}}} {:{>3}", 1, 2), "{} {1} {{2");
}

TEST(FormatSpec, Floats) {
  EXPECT_EQ(text_of("{} {} {} {} {}", 1.0, 0.1, -2.5, 1e100, 1.0F / 3), "1 0.1 -2.5 1e+100 0.33333334");
  EXPECT_EQ(text_of("{:.2f} {:8.3f} {:<8.1f}| {:08.2f} {:+.0f}", 3.14159, 2.5, 1.25, -1.5, 2.5),
            "3.14    2.500 1.2     | -0001.50 +2");
  EXPECT_EQ(text_of("{:e} {:.1E} {:g} {:g}", 12345.678, 0.00012, 1e10, 0.0001),
            "1.234568e+04 1.2E-04 1e+10 0.0001");
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(text_of("{} {:F} {:05} {:e}", kInfinity, -kInfinity, std::nan(""), 0.0),
            "inf -INF   nan 0.000000e+00");
  EXPECT_EQ(text_of("{} {} {}", 0.0, -0.0, 0.0F), "0 -0 0");
}

TEST(FormatSpec, WhatDoesNotFitIsCutOff) {
  char memory[6];
  EXPECT_EQ(format_to(memory, "{}", 12345678), "123456");
  EXPECT_EQ(format_to(memory, "{:10}", 123), "      ");
  EXPECT_EQ(format_to(memory, "ab{:010}", 123), "ab0000");
  EXPECT_EQ(format_to(std::span<char>(), "{:5.1f}", 1.0), "");
}

/// Any bits, and many that are usual numbers.
double any_double(std::mt19937_64& random) {
  const std::uint64_t bits = random();
  switch (bits % 4) {
    case 0:
      return std::bit_cast<double>(random());
    case 1:
      return static_cast<double>(static_cast<std::int64_t>(random() % 2'000'000'000) - 1'000'000'000) / 1000;
    case 2:
      return std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 120) - 90);
    default:
      return std::bit_cast<double>(random() >> (12 + random() % 50));  // none has fewer bits
  }
}

TEST(Decimal, IsAsExactAsTheHosts) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 5'000; i++) {
    const double x = any_double(random);
    if (!std::isfinite(x)) continue;
    char expected[2048];
    const int precision = static_cast<int>(random() % 30);
    const auto compare = [&](char type) {
      const char with_percent[] = {'%', '.', '*', type, '\0'};
      std::snprintf(expected, sizeof expected, with_percent, precision, x);
      char pattern[16], found[2048];
      std::snprintf(pattern, sizeof pattern, "{:.%d%c}", precision, type);
      TextBuffer buffer(found, sizeof found);
      const FormatArgument argument(x);
      buffer.format(pattern, &argument, 1);
      ASSERT_EQ(buffer.text(), expected) << "bits " << std::hex << std::bit_cast<std::uint64_t>(x);
    };
    compare('e');
    compare('f');
    compare('g');
    const auto shortest = std::to_chars(expected, expected + sizeof expected, x);
    ASSERT_EQ(text_of("{}", x), std::string(expected, shortest.ptr));
    const auto single = static_cast<float>(x);
    if (!std::isfinite(single)) continue;
    const auto shortest_single = std::to_chars(expected, expected + sizeof expected, single);
    ASSERT_EQ(text_of("{}", single), std::string(expected, shortest_single.ptr));
  }
}

TEST(Decimal, ReadsTheNearest) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto read = [](const std::string& digits, std::int64_t exponent) {
    return decimal::nearest_double(digits.data(), digits.size(), exponent);
  };
  const auto expect = [&](const std::string& digits, std::int64_t exponent) {
    const std::string text = digits + "e" + std::to_string(exponent);
    ASSERT_EQ(read(digits, exponent), std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)))
        << text;
  };
  for (int i = 0; i < 2'000; i++) {
    std::string digits = std::to_string(random());
    digits.resize(1 + random() % digits.size());
    expect(digits, static_cast<std::int64_t>(random() % 660) - 340);
    // Just between two doubles, and a little above.
    const double x = std::fabs(any_double(random));
    if (!std::isfinite(x) || x == 0) continue;
    char exact[1200];
    std::snprintf(exact, sizeof exact, "%.*e", 1100, static_cast<double>(x));
    expect(std::string(1, exact[0]) + std::string(exact + 2, 1100), std::atoi(exact + 1103) - 1100);
  }
  // 2^53 + 1 lies in the middle, so does half of the smallest; more digits than are kept decide.
  expect("9007199254740993", 0);
  expect("9007199254740993" + std::string(900, '0') + "1", -901);
  expect("24703282292062327208", -343);
  expect("179769313486231580793", 288);
  expect("", 0);
  expect("0", 5);
}

}  // namespace
}  // namespace candor
