// Batch work of different VMs on one processor is in proportion to their weights.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/e2e/needs.h"

namespace candor::e2e {
namespace {

// A few slices of a second, and what the machine below takes from one VM and not from another.
constexpr double kMostOff = 0.1;
constexpr int kWeighings = 3;

/// Work of the first VM for each unit of the second's.
double ratio(int first_weight, int second_weight, const char* mode) {
  const Outcome o = run(fmt::format(R"(
[host]
cpus = "CPU0"
[[vm]]
name = "first"
image = "GUESTS/load"
cmdline = "thread=work:fair"
weight = {}
[[vm]]
name = "second"
image = "GUESTS/load"
cmdline = "thread=work:fair"
weight = {}
)",
                                    first_weight, second_weight),
                        {"--duration", "1s", "--mode", mode});
  const auto& first = o.thread("first", "work");
  const auto& second = o.thread("second", "work");
  EXPECT_FALSE(first.is_null() || second.is_null()) << o.out << o.err;
  if (first.is_null() || second.is_null()) return 0;
  return first["work_units"].get<double>() / second["work_units"].get<double>();
}

class Weight : public testing::TestWithParam<const char*> {};

TEST_P(Weight, SharesAreInProportion) {
  CANDOR_NEEDS_PROCESS();
  CANDOR_NEEDS_RANKS();
  std::string said;
  for (int attempt = 0; attempt < kWeighings; ++attempt) {
    const double equal = ratio(100, 100, GetParam());
    const double thrice = ratio(305, 100, GetParam());  // five steps of nice: 1.25 to the fifth
    const double half = ratio(51, 100, GetParam());     // three steps the other way
    said += fmt::format("100 to 100: {:.3f}, 305 to 100: {:.3f}, 51 to 100: {:.3f}\n", equal, thrice, half);
    if (std::abs(equal - 1) < kMostOff && std::abs(thrice / 3.05 - 1) < kMostOff &&
        std::abs(half / 0.51 - 1) < kMostOff) {
      return;
    }
  }
  ADD_FAILURE() << said;
}

INSTANTIATE_TEST_SUITE_P(Modes, Weight, testing::Values("unaware", "aware"),
                         [](const auto& mode) { return std::string(mode.param); });

}  // namespace
}  // namespace candor::e2e
