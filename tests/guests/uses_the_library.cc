// What applications have of the C and C++ libraries: mathematics, strings, numbers, formats, std::chrono,
// algorithms and containers, also in threads that are switched meanwhile.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numbers>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "tests/guests/verdict.h"

namespace {

using namespace candor;
using namespace std::chrono_literals;

/// At compile time nothing would be shown.
template <typename T>
T unknown(T value) {
  __asm__ volatile("" : "+m"(value));
  return value;
}

/// As far from each other as neighbouring doubles are.
bool within_one_place(double a, double b) {
  const auto x = std::bit_cast<std::int64_t>(a), y = std::bit_cast<std::int64_t>(b);
  return x == y || x - y == 1 || y - x == 1;
}

void expect_value(std::string_view what, double found, double exact) {
  test::expect(within_one_place(found, exact), "{} is {}, not {}", what, found, exact);
}

/// Exact values: by mpmath, 60 digits, rounded to the nearest double.
void compute() {
  const double half = unknown(0.5), two = unknown(2.0), ten = unknown(10.0);
  expect_value("sin(0.5)", std::sin(half), 0.479425538604203);
  expect_value("cos(10)", std::cos(ten), -0.8390715290764524);
  expect_value("tan(2)", std::tan(two), -2.185039863261519);
  expect_value("sin(1e22)", std::sin(unknown(1e22)), -0.8522008497671888);
  expect_value("cos(1e300)", std::cos(unknown(1e300)), -0.5753861119575491);
  expect_value("sin of what is nearest to a multiple of pi", std::sin(unknown(0x1.6ac5b262ca1ffp+849)), 1.0);
  expect_value("cos of it", std::cos(unknown(0x1.6ac5b262ca1ffp+849)), -4.687165924254628e-19);
  expect_value("sin(-100)", std::sin(unknown(-100.0)), 0.5063656411097588);
  expect_value("sin(pi)", std::sin(unknown(std::numbers::pi)), 1.2246467991473532e-16);
  expect_value("exp(2)", std::exp(two), 7.38905609893065);
  expect_value("log(10)", std::log(ten), 2.302585092994046);
  expect_value("pow(2, 0.5)", std::pow(two, half), 1.4142135623730951);
  expect_value("atan2(2, -10)", std::atan2(two, -ten), 2.9441970937399127);
  expect_value("cbrt(10)", std::cbrt(ten), 2.154434690031884);
  expect_value("hypot(2, 10)", std::hypot(two, ten), 10.198039027185569);
  expect_value("tanh(0.5)", std::tanh(half), 0.46211715726000974);
  expect_value("erf(0.5)", std::erf(half), 0.5204998778130465);
  expect_value("tgamma(10)", std::tgamma(ten), 362880);
  test::expect(std::sqrt(two) == 1.4142135623730951 && std::sqrt(unknown(2.0F)) == 1.4142135F, "sqrt(2)");
  test::expect(std::fma(ten, unknown(0.1), -1.0) == 0x1p-54, "fma rounds once");
  test::expect(std::floor(-half) == -1 && std::ceil(half) == 1 && std::round(half) == 1 &&
                   std::trunc(-half) == 0 && std::fmod(-ten, 3.0) == -1 && std::remainder(ten, 4.0) == 2 &&
                   std::lround(-half) == -1,
               "whole numbers");
  test::expect(std::sin(unknown(0.5F)) == 0.47942555F && std::exp(unknown(0.5F)) == 1.6487212F &&
                   std::pow(unknown(2.0F), 0.5F) == 1.4142135F,
               "floats");
  test::expect(std::isnan(std::log(-two)) && std::isinf(std::exp(unknown(1e3))) &&
                   std::isnan(std::sin(unknown(HUGE_VAL))) && std::signbit(std::sin(unknown(-0.0))),
               "what is no number");
}

void handle_texts() {
  char text[32] = "alpha";
  std::strcat(text, " beta");
  test::expect(std::strcmp(text, "alpha beta") == 0 && std::strlen(text) == 10, "strcat");
  test::expect(std::strchr(text, 'b') == text + 6 && std::strrchr(text, 'a') == text + 9 &&
                   std::strstr(text, "ha b") == text + 3 && std::strstr(text, "hab") == nullptr &&
                   std::strspn(text, "alph") == 5 && std::strcspn(text, " ") == 5 &&
                   std::strpbrk(text, "xyzt") == text + 8 && std::strncmp(text, "alps", 3) == 0,
               "search");
  char* rest = nullptr;
  test::expect(std::string_view(strtok_r(text, " ", &rest)) == "alpha" &&
                   std::string_view(strtok_r(nullptr, " ", &rest)) == "beta" &&
                   strtok_r(nullptr, " ", &rest) == nullptr,
               "strtok_r");
  char* end = nullptr;
  const char* number = " -0x1fz";
  test::expect(std::strtol(number, &end, 0) == -31 && *end == 'z', "strtol");
  test::expect(std::strtol("99999999999999999999", nullptr, 10) == INT64_MAX &&
                   std::strtoul("-1", nullptr, 10) == UINT64_MAX && std::strtol("no number", &end, 10) == 0 &&
                   *end == 'n' && std::atoi("12 ") == 12,
               "the limits of strtol");
  test::expect(std::strtod("-12.5e-1x", &end) == -1.25 && *end == 'x' && std::atof("1e400") == HUGE_VAL &&
                   std::strtod("0.1", nullptr) == 0.1 && std::strtod(".", &end) == 0 && *end == '.' &&
                   std::strtod("1.e2e", &end) == 100 && *end == 'e' &&
                   std::isnan(std::strtod("nan", nullptr)),
               "strtod");
  int value = 0;
  const std::string_view digits = "4711,";
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  test::expect(value == 4711 && *stop == ',' && error == std::errc(), "from_chars");
  const std::string s = std::string("a string longer than what fits in place: ") + std::to_string(42);
  test::expect(s.find("42") == s.size() - 2 && s.substr(2, 6) == "string", "std::string");
  int numbers[] = {5, 3, 9, 1, 7, 3};
  std::qsort(numbers, std::size(numbers), sizeof numbers[0], [](const void* a, const void* b) {
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  });
  test::expect(std::ranges::is_sorted(numbers), "qsort");
}

void format() {
  char memory[64];
  const std::string_view found =
      format_to(memory, "{:>6.2f}|{:#x}|{:<5}|{}|{}", std::numbers::pi, 255, "ab", 20ms, true);
  test::expect(found == "  3.14|0xff|ab   |20ms|true", "format_to gives {}", found);
  print("{} {:e} {:10.4f}\n", unknown(0.1), unknown(6.02214076e23), unknown(-273.15));
}

void keep_time() {
  const Clock::time_point begin = Clock::now();
  this_thread::sleep_for(2ms);
  this_thread::sleep_until(Clock::now() + 500us);
  test::expect(Clock::now() - begin >= 2500us, "slept for {}",
               std::chrono::nanoseconds(Clock::now() - begin));
  Semaphore s;
  test::expect(!s.try_acquire_for(1ms), "a unit from nowhere");
  Periodic jobs(1ms);
  for (int i = 0; i < 3; i++) test::expect(jobs.wait_next(), "it is over");
  const std::chrono::duration<double, std::milli> apart = jobs.deadline() - jobs.release();
  test::expect(apart.count() == 1, "{} ms apart", apart.count());
}

void contain() {
  std::vector<int> v(1000);
  std::iota(v.begin(), v.end(), 0);
  std::ranges::reverse(v);
  std::sort(v.begin(), v.end());
  test::expect(std::accumulate(v.begin(), v.end(), 0) == 499500, "std::vector");
  std::map<std::string, int> ages;
  for (int i = 0; i < 100; i++) ages["number " + std::to_string(i * 7 % 100)] = i;
  test::expect(ages.size() == 100 && ages.begin()->first == "number 0" && ages.erase("number 5") == 1,
               "std::map");
  std::unordered_map<std::string, int> hashed(ages.begin(), ages.end());
  test::expect(hashed.size() == 99 && hashed.contains("number 99") && !hashed.contains("number 5"),
               "std::unordered_map");
  std::list<int> l = {3, 1, 2};
  l.sort();
  std::deque<int> d(l.begin(), l.end());
  std::set<int> sorted(d.begin(), d.end());
  test::expect(std::ranges::equal(sorted, std::array{1, 2, 3}), "std::list, std::deque, std::set");
  const std::function<int(int)> twice = [factor = std::make_unique<int>(2).release()](int x) {
    const std::unique_ptr<int> owned(factor);
    return x * *owned;
  };
  test::expect(twice(21) == 42, "std::function");
  const std::shared_ptr<int> shared = std::make_shared<int>(7), other = shared;
  const std::weak_ptr<int> weak = other;
  test::expect(shared.use_count() == 2 && weak.lock() == shared, "std::shared_ptr");
  const std::variant<int, std::string> either = std::string("text");
  const auto length = std::visit(
      [](const auto& x) -> std::size_t {
        if constexpr (requires { x.size(); }) return x.size();
        return 0;
      },
      either);
  const std::optional<std::tuple<int, double>> maybe = std::tuple(1, 2.5);
  test::expect(length == 4 && std::get<double>(*maybe) == 2.5, "std::variant, std::optional, std::tuple");
#ifndef __clang__  // clang 14 does not understand libstdc++'s views
  int even = 0;
  for (int x : v | std::views::filter([](int i) { return i % 2 == 0; }) | std::views::take(5)) even += x;
  test::expect(even == 20, "std::views");
#endif
}

/// Numbers are threads' own, whoever runs in between.
void compute_together() {
  static std::array<double, 3> sums;
  const auto work = [](int who) {
    return [who] {
      double sum = 0;
      for (int i = 0; i < 20000; i++) {
        sum += std::sin(i * 0.01 * (who + 1)) * std::exp(-i * 1e-4);
        if (i % 512 == 0) this_thread::yield();
      }
      sums[static_cast<std::size_t>(who)] = sum;
    };
  };
  work(0)();
  const double alone = sums[0];
  sums[0] = 0;
  std::vector<Thread> threads;
  for (int i = 0; i < 3; i++) threads.push_back(Thread::create("adds", Terms::fair(), work(i)));
  for (const Thread& t : threads) t.join();
  test::expect(sums[0] == alone, "{} in company, {} alone", sums[0], alone);
}

}  // namespace

int candor::guest_main(Arguments) {
  compute();
  handle_texts();
  format();
  keep_time();
  contain();
  compute_together();
  return test::pass("uses_the_library");
}
