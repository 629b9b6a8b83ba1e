#include "sim/analysis/packing.h"

#include <algorithm>
#include <numeric>

#include "sim/analysis/tasks.h"

namespace candor::sim::analysis {
namespace {

bool preferred(double filled, double to, Fit fit) {
  return (fit == Fit::kBest && filled > to) || (fit == Fit::kWorst && filled < to);
}

}  // namespace

std::optional<std::vector<std::uint32_t>> packed(std::span<const double> sizes, std::uint32_t bins,
                                                 double capacity, Fit fit) {
  const auto has_room = [&](std::span<const std::uint32_t> inside, std::uint32_t i) {
    double filled = sizes[i];
    for (const std::uint32_t other : inside) filled += sizes[other];
    return filled <= capacity + kRounding;
  };
  return packed(sizes, bins, has_room, fit);
}

std::optional<std::vector<std::uint32_t>> packed(std::span<const double> sizes, std::uint32_t bins,
                                                 const FitTest& fits, Fit fit) {
  std::vector<std::uint32_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return sizes[a] > sizes[b]; });
  std::vector<double> filled(bins);
  std::vector<std::vector<std::uint32_t>> inside(bins);
  std::vector<std::uint32_t> result(sizes.size());
  for (const std::uint32_t i : order) {
    std::optional<std::uint32_t> choice;
    for (std::uint32_t bin = 0; bin < bins; ++bin) {
      if (choice && !preferred(filled[bin], filled[*choice], fit)) continue;
      if (fits(inside[bin], i)) choice = bin;
    }
    if (!choice) return {};
    filled[*choice] += sizes[i];
    inside[*choice].push_back(i);
    result[i] = *choice;
  }
  return result;
}

}  // namespace candor::sim::analysis
