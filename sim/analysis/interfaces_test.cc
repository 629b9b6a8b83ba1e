#include "sim/analysis/interfaces.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/analysis/edf_reference.h"
#include "sim/analysis/task_sets.h"
#include "sim/property.h"

namespace candor::sim::analysis {
namespace {

constexpr PeriodSearch kSearch{
    .longest = milliseconds(5), .granule = microseconds(10), .overhead = microseconds(30)};

std::vector<Task> guest(std::uint64_t seed, std::uint32_t tasks, double total) {
  const TaskSetShape shape{.tasks = tasks, .utilisation = total};
  return random_task_set(shape, Random(seed))->vms.front().tasks;
}

Task task_ms(std::int64_t period, std::int64_t work) {
  return {milliseconds(period), milliseconds(work), milliseconds(period)};
}

TEST(VcpuInterface, TakesThePeriodOfLeastBandwidth) {
  const std::vector<Task> tasks{task_ms(50, 7), task_ms(75, 9)};
  const auto best = vcpu_interface(tasks, kSearch);
  ASSERT_TRUE(best);
  for (Duration period = kSearch.shortest; period <= kSearch.longest; period += kSearch.step) {
    PeriodSearch only = kSearch;
    only.shortest = only.longest = period;
    EXPECT_GE(vcpu_interface(tasks, only)->bandwidth(), best->bandwidth());
  }
}

TEST(VcpuInterface, SwitchesMakeLongerPeriodsWorthwhile) {
  const std::vector<Task> tasks{task_ms(50, 7), task_ms(75, 9)};
  PeriodSearch search;
  EXPECT_EQ(vcpu_interface(tasks, search)->period, milliseconds(1));
  search.overhead = microseconds(100);
  const auto with = vcpu_interface(tasks, search);
  EXPECT_GT(with->period, milliseconds(1));
  EXPECT_GT(with->bandwidth(), vcpu_interface(tasks, {})->bandwidth());
}

TEST(VcpuInterface, IsNothingForNoTasksOrWrongOnes) {
  EXPECT_FALSE(vcpu_interface({}, {}));
  const std::vector<Task> late{{milliseconds(10), milliseconds(6), milliseconds(5)}};
  EXPECT_FALSE(vcpu_interface(late, {}));
  EXPECT_FALSE(partitioned_interface(late, Fit::kFirst, {}));
  EXPECT_FALSE(global_interface(late, {}));
}

TEST(PartitionedInterface, EveryVcpuSufficesForItsTasks) {
  check_property("partitioned interface", [] {
    const auto count = between(2u, 13u);
    const auto tasks = guest(*rc::gen::arbitrary<std::uint64_t>(), count, count * between(5, 50) / 100.0);
    const auto vcpus =
        partitioned_interface(tasks, *rc::gen::element(Fit::kFirst, Fit::kBest, Fit::kWorst), kSearch);
    if (!vcpus) return;
    std::vector<std::uint32_t> placed;
    for (const Partition& vcpu : *vcpus) {
      std::vector<Task> own;
      for (const std::uint32_t i : vcpu.tasks) own.push_back(tasks[i]);
      placed.insert(placed.end(), vcpu.tasks.begin(), vcpu.tasks.end());
      RC_ASSERT(vcpu.resource.bandwidth() >= utilisation(own) - kRounding);
      RC_ASSERT(!first_miss(own, 0, vcpu.resource, kHyperperiod));
    }
    std::sort(placed.begin(), placed.end());
    for (std::uint32_t i = 0; i < count; ++i) RC_ASSERT(placed.at(i) == i);
    RC_ASSERT(placed.size() == count);
  });
}

// Utilisations pack onto one vCPU, but no server with a gap meets two deadlines that need all of it.
TEST(PartitionedInterface, TakesAnotherVcpuWhereOneHasNoInterface) {
  const std::vector<Task> tasks{{milliseconds(10), milliseconds(2), milliseconds(3)},
                                {milliseconds(10), milliseconds(2), milliseconds(3)}};
  const auto vcpus = partitioned_interface(tasks, Fit::kFirst, {});
  ASSERT_TRUE(vcpus);
  EXPECT_EQ(vcpus->size(), 2u);
}

TEST(GlobalInterface, OnOneVcpuIsThatOfEdf) {
  const std::vector<Task> tasks{task_ms(50, 7), task_ms(75, 9)};
  const auto global = global_interface(tasks, {});
  ASSERT_TRUE(global);
  EXPECT_EQ(global->full, 0u);
  EXPECT_EQ(global->partial, *vcpu_interface(tasks, {}));
  EXPECT_EQ(global->vcpus().size(), 1u);
}

TEST(GlobalInterface, FullVcpusHaveWholePeriods) {
  const MultiprocessorResource resource{2, {milliseconds(4), milliseconds(1)}};
  const auto vcpus = resource.vcpus();
  ASSERT_EQ(vcpus.size(), 3u);
  EXPECT_EQ(vcpus[1].budget, milliseconds(4));
  EXPECT_EQ(vcpus[2].budget, milliseconds(1));
  EXPECT_DOUBLE_EQ(resource.bandwidth(), 2.25);
}

TEST(GlobalInterface, SufficesForItsTasks) {
  int several = 0;
  check_property("global interface", [&] {
    const auto count = between(2u, 8u);
    const auto tasks = guest(*rc::gen::arbitrary<std::uint64_t>(), count, count * between(5, 40) / 100.0);
    const auto global = global_interface(tasks, kSearch);
    if (!global) return;
    several += global->full > 0 ? 1 : 0;
    RC_ASSERT(global->bandwidth() >= utilisation(tasks) - kRounding);
    RC_ASSERT(!first_miss(tasks, global->full, global->partial, kHyperperiod));
  });
  EXPECT_GT(several, 10) << "the property was hardly exercised";
}

}  // namespace
}  // namespace candor::sim::analysis
