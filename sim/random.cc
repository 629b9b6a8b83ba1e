#include "sim/random.h"

#include <algorithm>
#include <cmath>

#include "sim/portable_math.h"

namespace candor::sim {
namespace {

// SplitMix64's output function: a bijection in which each bit of `z` changes half of the result.
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// FNV-1a.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

Random Random::stream(std::string_view name, std::uint64_t index) const {
  return Random(mixed(mixed(mixed(seed_) ^ hash_of(name)) + index));
}

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15;
  return mixed(state_);
}

// 2^64 is rarely a multiple of `bound`. What is left over would make the first numbers likelier, so it is
// drawn again.
std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t left_over = -bound % bound;
  std::uint64_t bits = next();
  while (bits < left_over) bits = next();
  return bits % bound;
}

std::int64_t Random::uniform(std::int64_t low, std::int64_t high) {
  const std::uint64_t count = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  const std::uint64_t offset = count == 0 ? next() : below(count);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

double Random::unit() {
  return std::ldexp(static_cast<double>(next() >> 11), -53);
}

Duration Random::log_uniform(Duration low, Duration high) {
  const double from = portable_log2(static_cast<double>(low.ns));
  const double to = portable_log2(static_cast<double>(high.ns));
  const double drawn = portable_exp2(from + (to - from) * unit());
  return {std::clamp(std::int64_t{std::llround(drawn)}, low.ns, high.ns)};
}

Duration Random::exponential(Duration mean) {
  constexpr double kLn2 = 0.693147180559945309;
  return Duration{
      static_cast<std::int64_t>(-portable_log2(1 - unit()) * kLn2 * static_cast<double>(mean.ns))};
}

}  // namespace candor::sim
