#include "vmm/vm_process.h"

#include <gtest/gtest.h>

namespace candor::vmm {
namespace {

TEST(Weight, StepsOfNiceAreStepsOfWeight) {
  EXPECT_EQ(nice_for_weight(100), 0);
  EXPECT_EQ(nice_for_weight(125), -1);
  EXPECT_EQ(nice_for_weight(80), 1);
  EXPECT_EQ(nice_for_weight(200), -3);
  EXPECT_EQ(nice_for_weight(1), 19);
  EXPECT_EQ(nice_for_weight(10000), -20);
}

}  // namespace
}  // namespace candor::vmm
