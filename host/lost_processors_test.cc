// Processors taken from candord: its thread there is kept off, as the kernel does when one goes offline or
// leaves the cpuset, and let on again.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "host/candord_test.h"

namespace candor::host {
namespace {

class LostProcessor : public Candord {
 protected:
  // The thread of candord that looks after a processor; 0: not found.
  [[nodiscard]] pid_t thread_of(int processor) const {
    const std::string name = "candord/" + std::to_string(processor);
    const std::string tasks = "/proc/" + std::to_string(client_->pid()) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      std::string comm;
      std::getline(std::ifstream(task.path() / "comm"), comm);
      if (comm == name) return std::stoi(task.path().filename());
    }
    return 0;
  }
  // Only `to` is left of the two.
  void take_away(int processor, int to) const { allow(processor, to); }
  void give_back(int processor) const { allow(processor, processor); }
  void allow(int processor, int where) const {
    const pid_t thread = thread_of(processor);
    ASSERT_GT(thread, 0);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(where), &set);
    ASSERT_EQ(sched_setaffinity(thread, sizeof set, &set), 0);
  }
  static std::uint32_t claim(const FakeVm& vm, std::int64_t ms) {
    return vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(ms), milliseconds(100));
  }
};

TEST_F(LostProcessor, ItsClaimsAreServedByAnotherAndItIsUsedAgainWhenItIsBack) {
  start_on_two();
  if (IsSkipped() || HasFatalFailure()) return;
  FakeVm one(client(), options(1, "one"));
  FakeVm two(client(), options(2, "two"));
  FakeVm three(client(), options(3, "three"));
  ASSERT_EQ(claim(one, 30), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(claim(two, 30), CANDOR_CLAIM_ADMITTED);
  const int gone = only_processor(one.tid(1));
  const int left = only_processor(two.tid(1));
  ASSERT_NE(gone, left);
  take_away(gone, left);
  EXPECT_TRUE(eventually([&] { return only_processor(one.tid(1)) == left; }));
  EXPECT_TRUE(eventually([&] {
    return one.level(1) > 0 && two.level(1) > 0 && one.level(1) != two.level(1) &&
           one.vcpu_line(1).processor == static_cast<std::uint32_t>(left) &&
           one.vcpu_line(1).ring_at_job_end == 1;
  })) << "in one order, and it is told so";
  EXPECT_EQ(one.answer(0).status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(client().stats()->processors_lost, 1u);
  EXPECT_EQ(claim(three, 30), CANDOR_CLAIM_REFUSED) << "for it there is no room";
  EXPECT_EQ(three.answer(0).reason, CANDOR_REFUSED_PROCESSOR);
  give_back(gone);
  EXPECT_TRUE(eventually([&] { return three.answer(0).status == CANDOR_CLAIM_ADMITTED; }))
      << "until it is back";
  EXPECT_EQ(only_processor(three.tid(1)), gone);
  EXPECT_GT(three.level(1), 0);
  EXPECT_TRUE(eventually([&] { return (three.vcpu_page(0).pending & CANDOR_PENDING_CLAIMS) != 0; }))
      << "and its guest is told, wherever the thread runs meanwhile";
}

TEST_F(LostProcessor, AClaimWithoutAnyRoomLeftIsRefusedAndHasNoRank) {
  start_on_two();
  if (IsSkipped() || HasFatalFailure()) return;
  FakeVm one(client(), options(1, "one", 850'000));
  FakeVm two(client(), options(2, "two", 850'000));
  ASSERT_EQ(claim(one, 50), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(claim(two, 50), CANDOR_CLAIM_ADMITTED);
  const int gone = only_processor(one.tid(1));
  const int left = only_processor(two.tid(1));
  take_away(gone, left);
  EXPECT_TRUE(eventually([&] { return one.answer(0).status == CANDOR_CLAIM_REFUSED; }));
  EXPECT_EQ(one.answer(0).reason, CANDOR_REFUSED_PROCESSOR);
  // It is told after the answer stands.
  EXPECT_TRUE(eventually([&] { return (one.vcpu_page(1).pending & CANDOR_PENDING_CLAIMS) != 0; }));
  EXPECT_TRUE(eventually([&] { return one.policy(1) == SCHED_OTHER; }));
  EXPECT_EQ(two.answer(0).status, CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(only_processor(two.tid(1)), left);
  EXPECT_EQ(two.policy(1), SCHED_FIFO) << "who was there notices nothing";
  give_back(gone);
  EXPECT_TRUE(eventually([&] { return one.answer(0).status == CANDOR_CLAIM_ADMITTED; }));
  EXPECT_TRUE(eventually([&] { return one.policy(1) == SCHED_FIFO && only_processor(one.tid(1)) == gone; }));
}

}  // namespace
}  // namespace candor::host
