// Bin packing: which processor gets which part, for partitioned scheduling.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace candor::sim::analysis {

enum class Fit {
  kFirst,  // the first bin that has room
  kBest,   // the bin that has room and will be fullest
  kWorst,  // the bin that has room and is emptiest
};

/// For each of `sizes` its bin, 0 .. bins - 1, or nothing if this heuristic finds no room. Larger ones are
/// placed first, equal ones by index; of equal bins the first is taken. A bin holds `capacity` in all.
std::optional<std::vector<std::uint32_t>> packed(std::span<const double> sizes, std::uint32_t bins,
                                                 double capacity, Fit fit);

/// The same, where a bin has room if `fits(inside, i)` says so of item `i` and the items that are in it, in
/// order of their arrival.
using FitTest = std::function<bool(std::span<const std::uint32_t> inside, std::uint32_t i)>;
std::optional<std::vector<std::uint32_t>> packed(std::span<const double> sizes, std::uint32_t bins,
                                                 const FitTest& fits, Fit fit);

}  // namespace candor::sim::analysis
