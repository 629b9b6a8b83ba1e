#include "sim/analysis/utilisations.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sim/analysis/tasks.h"
#include "sim/portable_math.h"

namespace candor::sim::analysis {
namespace {

// The vectors of [0, 1]^n with sum s are a polytope. It is cut into simplices, and a simplex is found by a
// walk from dimension n down to 1: each step goes in direction 1 or 0 of one coordinate. `ones(i, c)` is the
// probability of a 1 when i dimensions are left after the step and c - 1 whole ones remain to be placed; it
// follows from the volumes of both sides.
class Walk {
 public:
  Walk(std::uint32_t dimensions, double sum, std::uint32_t whole)
      : width_(dimensions + 1), probability_(std::size_t{dimensions} * width_) {
    // Only ratios of volumes matter. They fall like 1/n!: started high they stay above zero for longer.
    std::vector<double> volume(width_);
    volume[1] = std::numeric_limits<double>::max();
    for (std::uint32_t i = 2; i <= dimensions; ++i) {
      for (std::uint32_t c = i; c >= 1; --c) {
        const double to_zero = sum - whole + c - 1;
        const double to_one = static_cast<double>(whole) + i - c + 1 - sum;
        const double zero = volume[c] * (to_zero / i);
        const double one = volume[c - 1] * (to_one / i);
        volume[c] = zero + one;
        const double all = volume[c] + std::numeric_limits<double>::min();
        // The smaller distance has the smaller error.
        probability_[std::size_t{i - 1} * width_ + c] = to_one > to_zero ? one / all : 1 - zero / all;
      }
    }
  }

  [[nodiscard]] double ones(std::uint32_t i, std::uint32_t c) const {
    return probability_[std::size_t{i} * width_ + c];
  }

 private:
  std::uint32_t width_;
  std::vector<double> probability_;
};

// Each vector of [0, 1]^count with this sum is equally likely. 0 <= sum <= count, count > 0.
std::vector<double> fixed_sum(Random& random, std::uint32_t count, double sum) {
  const auto whole = std::min(static_cast<std::uint32_t>(sum), count - 1);
  const Walk walk(count, sum, whole);
  std::vector<double> result;
  double rest = sum;
  std::uint32_t c = whole + 1;
  double base = 0;   // what all coordinates still to come have in common
  double scale = 1;  // how much of the simplex is left
  for (std::uint32_t i = count - 1; i >= 1; --i) {
    const bool one = random.unit() < walk.ones(i, c);
    // A point uniform in a simplex of i dimensions: its distance from a face is distributed as an i-th root.
    const double shrink = portable_power(1 - random.unit(), 1.0 / i);
    base += (1 - shrink) * scale * rest / (i + 1);
    scale *= shrink;
    result.push_back(base + (one ? scale : 0));
    if (one) {
      rest -= 1;
      --c;
    }
  }
  result.push_back(base + scale * rest);
  // The simplices are those of one order of the coordinates; all orders are alike.
  for (std::size_t i = result.size() - 1; i > 0; --i) std::swap(result[i], result[random.below(i + 1)]);
  return result;
}

}  // namespace

std::vector<double> random_utilisations(Random& random, std::uint32_t count, double total, double least,
                                        double most) {
  const bool possible = count > 0 && 0 <= least && least <= most && count * least <= total + kRounding &&
                        total <= count * most + kRounding;
  if (!possible) return {};
  if (least == most) return std::vector<double>(count, least);
  const double sum = std::clamp((total - count * least) / (most - least), 0.0, static_cast<double>(count));
  std::vector<double> result = fixed_sum(random, count, sum);
  for (double& x : result) x = std::clamp(least + (most - least) * x, least, most);
  return result;
}

}  // namespace candor::sim::analysis
