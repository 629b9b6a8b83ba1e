// Random utilisations without bias.
//
// The algorithm is RandFixedSum: R. Stafford, "Random Vectors with Fixed Sum" (2006),
// published by P. Emberson, R. Stafford, R. I. Davis, "Techniques For The Synthesis Of Multiprocessor
// Tasksets", WATERS 2010. UUniFast (E. Bini, G. C. Buttazzo, "Measuring the Performance of
// Schedulability Tests", Real-Time Systems 30, 2005) is simpler, but knows no upper bound of a single
// utilisation: what exceeds it must be discarded, and where the sum is close to the number of tasks times the
// bound nothing else is ever drawn.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/random.h"

namespace candor::sim::analysis {

/// `count` numbers in [least, most] whose sum is `total` (up to rounding, 1e-12 of it for each number), every
/// such vector equally likely. Empty if there is none or `count` is 0.
std::vector<double> random_utilisations(Random& random, std::uint32_t count, double total, double least,
                                        double most);

}  // namespace candor::sim::analysis
