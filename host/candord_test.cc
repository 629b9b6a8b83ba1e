// candord at work, with real processes, threads and ranks (fake_vm_test.h). All
// real-time threads stay on one processor, the test on another if there is one.
#include "host/candord_test.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "host/job_cost.h"
#include "os/sched_policy.h"

namespace candor::host {
namespace {

using testing::HasSubstr;

TEST_F(Candord, AnAdmittedClaimGetsAnAnswerAProcessorAndARank) {
  START();
  FakeVm vm(client(), options(1, "one"));
  ASSERT_TRUE(vm.registered()) << vm.reason();
  EXPECT_EQ(vm.page().scheduler, 1u);
  EXPECT_EQ(vm.page().features & CANDOR_FEATURE_SCHED, CANDOR_FEATURE_SCHED);
  EXPECT_EQ(vm.page().features & CANDOR_FEATURE_BLOCKING, CANDOR_FEATURE_BLOCKING);
  EXPECT_EQ(vm.page().features & CANDOR_FEATURE_RANKS, CANDOR_FEATURE_RANKS);
  EXPECT_EQ(vm.policy(1), SCHED_OTHER) << "no claim yet";
  ASSERT_EQ(vm.claim(3, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  EXPECT_EQ(vm.answer(3).vcpu, 1u);
  EXPECT_EQ(vm.policy(1), SCHED_FIFO) << "the rank stands before the answer";
  EXPECT_EQ(vm.policy(0), SCHED_OTHER);
  EXPECT_EQ(vm.vcpu_line(1).processor, static_cast<std::uint32_t>(cpu_));
  EXPECT_EQ(vm.vcpu_line(1).rank, 1u);
  EXPECT_EQ(vm.vcpu_line(1).ring_at_job_end, 0u) << "it is alone";
  EXPECT_NE(sched_getscheduler(vm.tid(1)) & SCHED_RESET_ON_FORK, 0);
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(vm.tid(1), sizeof set, &set), 0);
  EXPECT_EQ(CPU_COUNT(&set), 1);
  // Given up, the vCPU is ordinary again.
  EXPECT_EQ(vm.claim(3, CANDOR_CLASS_NONE, {}, {}), CANDOR_CLAIM_NONE);
  EXPECT_TRUE(eventually([&] { return vm.policy(1) == SCHED_OTHER; }));
}

TEST_F(Candord, WhatIsGivenUpIsFreeForWhatIsAskedNext) {
  START();
  FakeVm vm(client(), options(1, "one", 600'000));
  const auto write = [&](std::uint32_t slot, candor_class cls) {
    return vm.write_terms(slot, cls, milliseconds(4), milliseconds(10));
  };
  ASSERT_EQ(vm.ask(5, write(5, CANDOR_CLASS_DEADLINE)), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(vm.ask(2, write(2, CANDOR_CLASS_DEADLINE)), CANDOR_CLAIM_REFUSED) << "there is room for one";
  // Nobody has waited for an answer to the first.
  (void)write(5, CANDOR_CLASS_NONE);
  EXPECT_EQ(vm.ask(2, write(2, CANDOR_CLASS_DEADLINE)), CANDOR_CLAIM_ADMITTED);
}

TEST_F(Candord, RegistrationMayComeBeforeOrAfterTheAnnouncement) {
  START();
  auto early = options(1, "early");
  early.add_after_ms = 50;
  FakeVm first(client(), early);
  EXPECT_TRUE(first.registered()) << first.reason();
  auto late = options(2, "late");
  late.register_after_ms = 50;
  FakeVm second(client(), late);
  EXPECT_TRUE(second.registered()) << second.reason();
}

TEST_F(Candord, RefusalsNameTheReason) {
  START(Policy::kAware, false);
  FakeVm vm(client(), options(1, "one", 200'000));
  ASSERT_TRUE(vm.registered()) << vm.reason();
  EXPECT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(5), milliseconds(10)), CANDOR_CLAIM_REFUSED);
  EXPECT_EQ(vm.answer(0).reason, CANDOR_REFUSED_BANDWIDTH);
  EXPECT_EQ(vm.answer(0).fits_ppm, 200'000u);
  EXPECT_EQ(vm.claim(1, CANDOR_CLASS_FIXED, milliseconds(1), milliseconds(10), 60), CANDOR_CLAIM_REFUSED);
  EXPECT_EQ(vm.answer(1).reason, CANDOR_REFUSED_PRIORITY);
  EXPECT_EQ(vm.claim(2, CANDOR_CLASS_DEADLINE, milliseconds(11), milliseconds(10)), CANDOR_CLAIM_REFUSED);
  EXPECT_EQ(vm.answer(2).reason, CANDOR_REFUSED_INVALID);
  // Blocking: between 0 and what the budget leaves of the deadline, and a part of the bandwidth.
  const auto blocked = [&](std::uint64_t blocking_ns) {
    const auto status = vm.claim(3, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10), 0,
                                 milliseconds(5), blocking_ns);
    return status == CANDOR_CLAIM_REFUSED ? vm.answer(3).reason : std::uint32_t{CANDOR_REFUSED_NOT};
  };
  EXPECT_EQ(blocked(~0ull), CANDOR_REFUSED_INVALID);
  EXPECT_EQ(blocked(~0ull - 999'999), CANDOR_REFUSED_INVALID) << "with the budget it is 2^64";
  EXPECT_EQ(blocked(4'000'001), CANDOR_REFUSED_INVALID);
  EXPECT_EQ(blocked(4'000'000), CANDOR_REFUSED_BANDWIDTH);
  EXPECT_EQ(blocked(1'000'000), CANDOR_REFUSED_NOT);
  FakeVm none(client(), options(2, "none", 0));
  EXPECT_EQ(none.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_REFUSED);
  EXPECT_EQ(none.answer(0).reason, CANDOR_REFUSED_NO_ENTITLEMENT);
}

TEST_F(Candord, TheOrderFollowsDeadlinesAcrossVms) {
  START();
  FakeVm a(client(), options(1, "a"));
  FakeVm b(client(), options(2, "b"));
  ASSERT_EQ(a.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(10), milliseconds(500)), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(b.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(10), milliseconds(1000)), CANDOR_CLAIM_ADMITTED);
  EXPECT_TRUE(eventually([&] { return a.vcpu_line(1).ring_at_job_end == 1; }));
  EXPECT_EQ(b.vcpu_line(1).ring_at_job_end, 1u);
  const Time t = monotonic_now();
  a.job(0, CANDOR_THREAD_WAITING, t + seconds(2), Time::never(), {}, 1);
  b.job(0, CANDOR_THREAD_WAITING, t + seconds(3), Time::never(), {}, 1);
  a.ring(), b.ring();
  EXPECT_TRUE(eventually([&] { return a.level(1) > b.level(1) && b.level(1) >= 10; }))
      << "a's deadline is earlier";
  EXPECT_EQ(a.vcpu_line(1).rank, 1u);
  EXPECT_EQ(b.vcpu_line(1).rank, 2u);
  // Only a's next job changes, and who will run first changes with it.
  a.job(0, CANDOR_THREAD_WAITING, t + seconds(20), Time::never(), {}, 2);
  a.ring();
  EXPECT_TRUE(eventually([&] { return b.level(1) > a.level(1) && a.level(1) >= 10; }));
  // Fixed claims come behind, whatever their priority.
  ASSERT_EQ(b.claim(0, CANDOR_CLASS_FIXED, milliseconds(10), milliseconds(1000), 50), CANDOR_CLAIM_ADMITTED);
  EXPECT_TRUE(eventually([&] { return a.level(1) > b.level(1) && b.level(1) >= 10; }));
}

TEST_F(Candord, TheExpectedRunTimeAloneDecidesBetweenEqualDeadlines) {
  START();
  FakeVm a(client(), options(1, "a"));
  FakeVm b(client(), options(2, "b"));
  for (FakeVm* vm : {&a, &b})
    ASSERT_EQ(vm->claim(0, CANDOR_CLASS_DEADLINE, milliseconds(10), milliseconds(500)),
              CANDOR_CLAIM_ADMITTED);
  const Time release = monotonic_now() + seconds(2);
  a.job(0, CANDOR_THREAD_WAITING, release, Time::never(), milliseconds(5), 1);
  b.job(0, CANDOR_THREAD_WAITING, release, Time::never(), milliseconds(4), 1);
  a.ring(), b.ring();
  EXPECT_TRUE(eventually([&] { return b.level(1) > a.level(1) && a.level(1) >= 10; })) << "the shorter first";
  a.job(0, CANDOR_THREAD_WAITING, release, Time::never(), milliseconds(3), 1);
  a.ring();
  EXPECT_TRUE(eventually([&] { return a.level(1) > b.level(1) && b.level(1) >= 10; }));
}

TEST_F(Candord, AClaimThatGoesOnAndOnIsFairUntilItsNextPeriod) {
  START();
  FakeVm vm(client(), options(1, "one"));
  // Long enough for a test that is itself ordinary on a busy machine to see each phase: real-time for
  // about 120 ms, budget and grace, then fair for the rest of the period.
  ASSERT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(100), milliseconds(400)), CANDOR_CLAIM_ADMITTED);
  const Time t = monotonic_now();
  vm.job(0, CANDOR_THREAD_READY, t, Time::never(), {}, 1);
  vm.ring();
  vm.act(1, Act::kSpin);  // a guest that says it is always urgent
  ASSERT_TRUE(eventually([&] { return vm.policy(1) == SCHED_OTHER; }, 500));
  EXPECT_TRUE(eventually([&] { return vm.answer(0).status == CANDOR_CLAIM_EXHAUSTED; }))
      << "told after the deed";
  EXPECT_GT(vm.answer(0).replenish_ns, static_cast<std::uint64_t>(t.ns));
  EXPECT_TRUE(eventually([&] { return (vm.vcpu_page(1).pending & CANDOR_PENDING_CLAIMS) != 0; }));
  ASSERT_TRUE(eventually([&] { return vm.policy(1) == SCHED_FIFO; }, 1000));
  EXPECT_TRUE(eventually([&] { return vm.answer(0).status == CANDOR_CLAIM_ADMITTED; }, 80));
  ASSERT_TRUE(eventually([&] { return vm.policy(1) == SCHED_OTHER; }, 500)) << "again";
  vm.act(1, Act::kSleep);
  const auto stats = client().stats();
  ASSERT_TRUE(stats.ok()) << stats.error();
  EXPECT_GE(stats->exhaustions, 2u);
}

TEST_F(Candord, AnOverdrawnClaimStandsBehindTheOthers) {
  START();
  FakeVm spinner(client(), options(1, "spinner"));
  FakeVm other(client(), options(2, "other", 650'000));
  ASSERT_EQ(spinner.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(20), milliseconds(100)),
            CANDOR_CLAIM_ADMITTED);
  // So wide that hardly any slack is left.
  ASSERT_EQ(other.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(65), milliseconds(100)),
            CANDOR_CLAIM_ADMITTED);
  const Time t = monotonic_now();
  spinner.job(0, CANDOR_THREAD_READY, t, Time::never(), {}, 1);
  spinner.ring();
  other.job(0, CANDOR_THREAD_READY, t + milliseconds(1), Time::never(), {}, 1);
  other.ring();
  ASSERT_TRUE(eventually([&] { return spinner.level(1) > other.level(1) && other.level(1) > 0; }))
      << "the earlier deadline first";
  spinner.act(1, Act::kSpin);
  EXPECT_TRUE(eventually([&] { return other.level(1) > spinner.level(1) && spinner.level(1) > 0; }, 500))
      << "once it has used up its budget";
  spinner.act(1, Act::kSleep);
}

// How much of its processor each of two spinning threads gets in `ms`.
Duration run_time(pid_t process, pid_t tid) {
  const auto clock = RunClock::open(process, tid);
  return clock.ok() ? clock.value().read()->ran : Duration{};
}

TEST_F(Candord, ASpinningClaimCostsOthersItsReserveOnly) {
  START();
  FakeVm liar(client(), options(1, "liar", 200'000));
  FakeVm other(client(), options(2, "other", 0));
  ASSERT_EQ(liar.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(2), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  liar.job(0, CANDOR_THREAD_READY, Time{0}, Time{0}, {}, 1);
  liar.ring();
  // At nice 19 what it runs beyond its reserve hardly counts, which leaves the reserve to be seen.
  ASSERT_EQ(setpriority(PRIO_PROCESS, static_cast<id_t>(liar.tid(1)), 19), 0);
  liar.act(1, Act::kSpin);
  other.act(0, Act::kSpin);
  sleep_ms(100);
  const Duration before = run_time(liar.tender(), liar.tid(1));
  sleep_ms(1000);
  const Duration used = run_time(liar.tender(), liar.tid(1)) - before;
  liar.act(1, Act::kSleep);
  other.act(0, Act::kSleep);
  // 200 ms by the letter; a busy machine takes some, and looks come late.
  EXPECT_GT(used, milliseconds(120));
  EXPECT_LT(used, milliseconds(300)) << "20 % reserve and the tolerance, and a little fair share";
}

TEST_F(Candord, TimeUnderAnInheritedRankCountsAgainstTheClaim) {
  START();
  FakeVm vm(client(), options(1, "one"));
  ASSERT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(20), milliseconds(400)), CANDOR_CLAIM_ADMITTED);
  vm.act(0, Act::kHoldLock);
  sleep_ms(30);
  vm.job(0, CANDOR_THREAD_READY, monotonic_now(), Time::never(), {}, 1);
  vm.act(1, Act::kTakeLock);  // sleeps; lends its rank to the spinning fair vCPU
  vm.ring();
  EXPECT_TRUE(eventually([&] { return vm.answer(0).status == CANDOR_CLAIM_EXHAUSTED; }, 300));
  vm.act(0, Act::kSleep);
}

TEST_F(Candord, WrongRegistrationsAreRefusedWithAReason) {
  START(Policy::kAware, false);
  auto foreign = options(1, "foreign");
  foreign.foreign_tid = true;
  EXPECT_THAT(FakeVm(client(), foreign).reason(), HasSubstr("is not a thread of the tender"));
  auto unsealed = options(2, "unsealed");
  unsealed.sealed = false;
  EXPECT_THAT(FakeVm(client(), unsealed).reason(), HasSubstr("not sealed"));
  auto wrong = options(3, "wrong");
  wrong.wrong_process = true;
  EXPECT_THAT(FakeVm(client(), wrong).reason(), HasSubstr("registers for a VM of process"));
  auto doubled = options(4, "doubled");
  doubled.doubled_tid = true;
  EXPECT_THAT(FakeVm(client(), doubled).reason(), HasSubstr("is named for two vCPUs"));
  auto fewer = options(5, "fewer");
  fewer.one_vcpu_less = true;
  EXPECT_THAT(FakeVm(client(), fewer).reason(), HasSubstr("1 vCPU threads, but the VM has 2 vCPUs"));
  auto silent = options(6, "silent");
  silent.file_as_bell = true;
  EXPECT_THAT(FakeVm(client(), silent).reason(), HasSubstr("the bell is not an eventfd"));
}

TEST_F(Candord, AVmCannotRegisterTheThreadsOfAnother) {
  START(Policy::kAware, true);
  FakeVm victim(client(), options(1, "victim"));
  ASSERT_TRUE(victim.registered()) << victim.reason();
  ASSERT_EQ(victim.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  ASSERT_TRUE(eventually([&] { return victim.policy(1) == SCHED_FIFO; }));
  auto thief = options(2, "thief");
  thief.as_if = &victim;
  EXPECT_THAT(FakeVm(client(), thief).reason(), HasSubstr("is not a child of the VM's process"));
  EXPECT_EQ(victim.policy(1), SCHED_FIFO) << "what the victim has is untouched";
  EXPECT_EQ(victim.policy(0), SCHED_OTHER);
}

TEST_F(Candord, AStormOfBellsIsMutedAndHarmsNobodyElse) {
  START();
  FakeVm storm(client(), options(1, "storm"));
  FakeVm calm(client(), options(2, "calm"));
  const auto before = client().stats();
  storm.act(0, Act::kRing);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(calm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1 + i), milliseconds(100)),
              CANDOR_CLAIM_ADMITTED);
    sleep_ms(20);
  }
  const auto after = client().stats();
  storm.act(0, Act::kSleep);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_GT(after->bells_muted, 0u);
  EXPECT_LT(after->bells - before->bells, 400u);
  EXPECT_LT(after->cpu_ns - before->cpu_ns, 60'000'000u) << "ns of candord's time in more than 200 ms";
  // Once calm, it is heard again.
  EXPECT_TRUE(eventually([&] {
    return storm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(100)) == CANDOR_CLAIM_ADMITTED;
  }));
}

TEST_F(Candord, ShortPeriodsBuyHardlyMoreBellsThanTheirJobsNeed) {
  START();
  FakeVm storm(client(), options(1, "storm"));
  ASSERT_EQ(storm.claim(0, CANDOR_CLASS_DEADLINE, microseconds(50), microseconds(500)),
            CANDOR_CLAIM_ADMITTED);
  const auto before = client().stats();
  const Time begin = monotonic_now();
  storm.act(0, Act::kRing);
  sleep_ms(300);
  storm.act(0, Act::kSleep);
  const auto after = client().stats();
  ASSERT_TRUE(before.ok() && after.ok());
  const double seconds = static_cast<double>((monotonic_now() - begin).ns) / 1e9;
  const auto heard = static_cast<double>(after->bells - before->bells);
  // 2000 jobs a second; besides what was saved up, and what each pause adds for being looked at late.
  EXPECT_LT(heard, 150 + seconds * 2000 * 1.5) << "in " << seconds << " s";
  EXPECT_GT(heard, seconds * 1000) << "what its jobs need is heard";
}

TEST_F(Candord, WhateverAGuestWritesOthersAreServed) {
  START();
  FakeVm hostile(client(), options(1, "hostile"));
  FakeVm good(client(), options(2, "good"));
  hostile.act(0, Act::kScribble);
  for (int i = 0; i < 20; ++i) {
    hostile.ring();
    ASSERT_EQ(good.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1 + i % 2), milliseconds(10)),
              CANDOR_CLAIM_ADMITTED);
    ASSERT_EQ(good.policy(1), SCHED_FIFO);
    ASSERT_TRUE(client().run_list().ok());
    sleep_ms(10);
  }
  hostile.act(0, Act::kSleep);
}

TEST_F(Candord, ADeadTenderIsForgotten) {
  START();
  FakeVm stays(client(), options(1, "stays"));
  FakeVm dies(client(), options(2, "dies"));
  ASSERT_EQ(stays.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(dies.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  EXPECT_TRUE(eventually([&] { return stays.vcpu_line(1).ring_at_job_end == 1; }));
  dies.kill_tender();
  EXPECT_TRUE(eventually([&] { return stays.vcpu_line(1).ring_at_job_end == 0; })) << "it is alone again";
  EXPECT_EQ(dies.page().scheduler, 0u);
  const auto list = client().run_list();
  ASSERT_TRUE(list.ok()) << list.error();
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->at(0).vm, 1u);
}

TEST_F(Candord, TheRunListNamesThreadsInTheirOrderWithReasons) {
  START();
  FakeVm a(client(), options(1, "a"));
  FakeVm b(client(), options(2, "b"));
  ASSERT_EQ(a.claim(4, CANDOR_CLASS_DEADLINE, milliseconds(10), milliseconds(500)), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(b.claim(5, CANDOR_CLASS_DEADLINE, milliseconds(10), milliseconds(500)), CANDOR_CLAIM_ADMITTED);
  const Time t = monotonic_now();
  a.job(4, CANDOR_THREAD_WAITING, t + seconds(3), Time::never(), {}, 1);
  b.job(5, CANDOR_THREAD_WAITING, t + seconds(2), Time::never(), {}, 1);
  a.vcpu_page(0).ready[0] = {.thread = 6,
                             .cls = CANDOR_CLASS_FAIR,
                             .priority = 0,
                             .reserved = 0,
                             .deadline_ns = CANDOR_NO_TIME,
                             .expected_ns = 0};
  a.vcpu_page(0).ready_count = 1;
  a.vcpu_page(0).running = CANDOR_NO_THREAD;
  a.vcpu_page(0).seq = 2;
  a.ring(), b.ring();
  const auto list = client().run_list();
  ASSERT_TRUE(list.ok()) << list.error();
  ASSERT_EQ(list->size(), 3u);
  EXPECT_EQ(list->at(0).vm, 2u);
  EXPECT_STREQ(list->at(0).vm_name, "b");
  EXPECT_STREQ(list->at(0).thread_name, "thread5");
  EXPECT_THAT(list->at(0).reason, HasSubstr("first claim here: deadline in"));
  EXPECT_EQ(list->at(1).vm, 1u);
  EXPECT_THAT(list->at(1).reason, HasSubstr("earlier deadline"));
  EXPECT_EQ(list->at(2).thread, 6u);
  EXPECT_THAT(list->at(2).reason, HasSubstr("fair"));
}

TEST_F(Candord, DemotionLeavesNoRankBehindForGood) {
  START();
  FakeVm vm(client(), options(1, "one"));
  ASSERT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(vm.policy(1), SCHED_FIFO);
  const auto done = client().demote();
  ASSERT_TRUE(done.ok()) << done.error();
  EXPECT_EQ(vm.policy(0), SCHED_OTHER);
  EXPECT_EQ(vm.policy(1), SCHED_OTHER);
  EXPECT_EQ(vm.page().scheduler, 0u);
  vm.ring();
  sleep_ms(20);
  EXPECT_EQ(vm.policy(1), SCHED_OTHER);
  const auto stats = client().quit();
  ASSERT_TRUE(stats.ok()) << stats.error();
  EXPECT_GT(stats->cpu_ns, 0u);
}

TEST_F(Candord, RemovingAVmTakesItsRanksBack) {
  START();
  FakeVm vm(client(), options(7, "seven"));
  ASSERT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  ASSERT_TRUE(client().remove_vm(7).ok());
  EXPECT_EQ(vm.policy(1), SCHED_OTHER);
  EXPECT_EQ(vm.page().scheduler, 0u);
}

TEST_F(Candord, ItsDeathIsAnErrorNotASignal) {
  START(Policy::kAware, false);
  kill(client().pid(), SIGKILL);
  EXPECT_TRUE(eventually([&] {
    pollfd p{.fd = client().pidfd(), .events = POLLIN, .revents = 0};
    return poll(&p, 1, 0) == 1;
  }));
  EXPECT_FALSE(client().stats().ok());
  EXPECT_FALSE(client().run_list().ok());
  EXPECT_FALSE(client().remove_vm(1).ok());
  EXPECT_FALSE(client().demote().ok());
  EXPECT_FALSE(client().quit().ok());
}

TEST_F(Candord, AsStaticRealtimeAllOfAnEntitledVmIsRealtime) {
  START(Policy::kStaticRealtime);
  FakeVm vm(client(), options(1, "entitled"));
  FakeVm plain(client(), options(2, "plain", 0));
  EXPECT_EQ(vm.policy(0), SCHED_FIFO);
  EXPECT_EQ(vm.policy(1), SCHED_FIFO);
  EXPECT_EQ(vm.level(0), vm.level(1));
  EXPECT_EQ(plain.policy(0), SCHED_OTHER);
  EXPECT_EQ(vm.page().scheduler, 0u) << "nobody reads what this guest says";
  EXPECT_EQ(vm.page().features & CANDOR_FEATURE_SCHED, 0u);
  ASSERT_TRUE(client().demote().ok());
  EXPECT_EQ(vm.policy(0), SCHED_OTHER);
  EXPECT_EQ(vm.policy(1), SCHED_OTHER);
}

TEST_F(Candord, WhoComesWhenTheRunEndsIsOrdinaryAndNotRefused) {
  START(Policy::kStaticRealtime);
  ASSERT_TRUE(client().demote().ok());
  FakeVm late(client(), options(1, "late"));
  EXPECT_TRUE(late.registered()) << late.reason();
  EXPECT_EQ(late.policy(0), SCHED_OTHER);
  EXPECT_EQ(late.policy(1), SCHED_OTHER);
  ASSERT_TRUE(client().remove_vm(1).ok());
}

TEST_F(Candord, AsStaticDeadlineAPinnedVmIsRefusedWithTheRemedy) {
  START(Policy::kStaticDeadline);
  if (allowed_processors().size() < 2) GTEST_SKIP() << "needs two processors: one to be pinned to";
  FakeVm vm(client(), options(1, "pinned"));
  ASSERT_FALSE(vm.registered());
  EXPECT_THAT(vm.reason(), HasSubstr("EPERM"));
  EXPECT_THAT(vm.reason(), HasSubstr("float"));
  EXPECT_EQ(vm.policy(0), SCHED_OTHER);
}

TEST_F(Candord, IdleItUsesNextToNothing) {
  START();
  FakeVm vm(client(), options(1, "idle"));
  ASSERT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  vm.job(0, CANDOR_THREAD_BLOCKED, Time::never());
  vm.ring();
  sleep_ms(100);
  const auto before = client().stats();
  sleep_ms(1000);
  const auto after = client().stats();
  ASSERT_TRUE(before.ok() && after.ok());
  RecordProperty("cpu_ns_per_s", std::to_string(after->cpu_ns - before->cpu_ns));
  std::printf("candord, one blocked claim: %.1f us of processor time in 1 s, %lu wake-ups\n",
              static_cast<double>(after->cpu_ns - before->cpu_ns) / 1e3, after->wakeups - before->wakeups);
  EXPECT_LT(after->cpu_ns - before->cpu_ns, 10'000'000u) << "1 % of a processor";
}

// Two periodic claims of different VMs share the processor, so each rings at the end of each job.
TEST_F(Candord, AtWorkItUsesLittle) {
  START();
  FakeVm a(client(), options(1, "a"));
  FakeVm b(client(), options(2, "b"));
  ASSERT_EQ(a.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(5)), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(b.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(5)), CANDOR_CLAIM_ADMITTED);
  a.act(1, Act::kPeriodic), b.act(1, Act::kPeriodic);
  sleep_ms(100);
  const auto before = client().stats();
  sleep_ms(1000);
  const auto after = client().stats();
  a.act(1, Act::kSleep), b.act(1, Act::kSleep);
  ASSERT_TRUE(before.ok() && after.ok());
  std::printf(
      "candord, two claims of 5 ms that ring: %.1f us of processor time in 1 s, %lu bells, %lu wake-ups, "
      "%lu rank changes, %lu exhaustions\n",
      static_cast<double>(after->cpu_ns - before->cpu_ns) / 1e3, after->bells - before->bells,
      after->wakeups - before->wakeups, after->rank_changes - before->rank_changes,
      after->exhaustions - before->exhaustions);
  EXPECT_EQ(after->bells_muted, 0u);
  EXPECT_GT(after->bells - before->bells, 200u);
  EXPECT_LT(after->cpu_ns - before->cpu_ns, 100'000'000u) << "10 % of a processor";
}

TEST_F(Candord, VcpusMoveToMakeRoomForAClaim) {
  start_on_two();
  if (IsSkipped() || HasFatalFailure()) return;
  FakeVm one(client(), options(1, "one", 850'000));
  FakeVm two(client(), options(2, "two", 850'000));
  FakeVm wide(client(), options(3, "wide", 850'000));
  const auto claim = [](FakeVm& vm, std::int64_t ms) {
    return vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(ms), milliseconds(100));
  };
  ASSERT_EQ(claim(one, 30), CANDOR_CLAIM_ADMITTED);
  ASSERT_EQ(claim(two, 30), CANDOR_CLAIM_ADMITTED);
  ASSERT_NE(only_processor(one.tid(1)), only_processor(two.tid(1)));
  ASSERT_EQ(claim(wide, 60), CANDOR_CLAIM_ADMITTED) << "neither had room for it";
  const int shared = only_processor(one.tid(1));
  EXPECT_NE(shared, -1);
  EXPECT_EQ(only_processor(two.tid(1)), shared);
  EXPECT_NE(only_processor(wide.tid(1)), shared);
  EXPECT_TRUE(eventually([&] {
    return one.level(1) > 0 && two.level(1) > 0 && one.level(1) != two.level(1) && wide.level(1) > 0;
  })) << "and each has its rank there";
  EXPECT_TRUE(eventually([&] {
    return one.vcpu_line(1).processor == static_cast<std::uint32_t>(shared) &&
           two.vcpu_line(1).processor == static_cast<std::uint32_t>(shared) &&
           one.vcpu_line(1).ring_at_job_end == 1;
  })) << "and is told so";
}

TEST_F(Candord, WhatAJobCostsIsMeasuredOrAsSaid) {
  for (const auto& [said, measured] :
       {std::pair<std::optional<Duration>, bool>{{}, true}, {microseconds(70), false}}) {
    auto client = SchedulerClient::spawn({.processors = {cpu_}, .admission = {.job_overhead = said}});
    ASSERT_TRUE(client.ok()) << client.error();
    if (!client->ranks()) GTEST_SKIP() << "needs ranks: " << std::strerror(client->rank_error());
    if (measured && client->overhead_error() == ETIME)
      GTEST_SKIP() << "needs a processor that is not full of real-time work";
    EXPECT_EQ(client->overhead_error(), 0) << std::strerror(client->overhead_error());
    EXPECT_EQ(client->overhead_measured(), measured);
    EXPECT_GE(client->job_overhead(), kLeastJobOverhead);
    EXPECT_LE(client->job_overhead(), kMostJobOverhead);
    EXPECT_EQ(client->job_overhead(), said.value_or(client->job_overhead()));
    std::vector<std::string> names;
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(client->pid()) + "/task")) {
      std::ifstream comm(task.path() / "comm");
      std::getline(comm, names.emplace_back());
    }
    EXPECT_EQ(std::count(names.begin(), names.end(), "candord/cost"), 0) << "the measurement is over";
  }
}

// A claim of 250 us in each 500: with 5 us more for each job there is room, with 200 there is not.
TEST_F(Candord, WhatAJobCostsDecidesAboutShortPeriods) {
  for (const auto& [overhead, status] :
       {std::pair{microseconds(5), CANDOR_CLAIM_ADMITTED}, {microseconds(200), CANDOR_CLAIM_REFUSED}}) {
    auto client = SchedulerClient::spawn({.processors = {cpu_}, .admission = {.job_overhead = overhead}});
    ASSERT_TRUE(client.ok()) << client.error();
    FakeVm vm(*client, options(1, "one", 850'000));
    ASSERT_TRUE(vm.registered());
    EXPECT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, microseconds(250), microseconds(500)), status);
    EXPECT_TRUE(client->quit().ok());
  }
}

// What a fair thread of the guest looks like that wakes up at times.
void sleeps_then_runs(const FakeVm& vm, std::uint32_t vcpu, std::uint32_t thread, Duration expected) {
  vm.job(thread, CANDOR_THREAD_WAITING, monotonic_now() + seconds(10), Time::never(), expected);
  candor_guest_vcpu& page = vm.vcpu_page(vcpu);
  __atomic_store_n(&page.seq, page.seq | 1u, __ATOMIC_SEQ_CST);
  page.running = CANDOR_NO_THREAD;
  page.ready_count = 0;
  page.next_thread = thread;
  page.next_timer_ns = static_cast<std::uint64_t>((monotonic_now() + seconds(10)).ns);
  __atomic_store_n(&page.seq, (page.seq | 1u) + 1u, __ATOMIC_SEQ_CST);
  __atomic_store_n(&page.state, static_cast<std::uint32_t>(CANDOR_VCPU_WAITING), __ATOMIC_SEQ_CST);
}

void runs(const FakeVm& vm, std::uint32_t vcpu, std::uint32_t thread, std::vector<std::uint64_t> ready) {
  candor_guest_vcpu& page = vm.vcpu_page(vcpu);
  __atomic_store_n(&page.state, static_cast<std::uint32_t>(CANDOR_VCPU_RUNNING), __ATOMIC_SEQ_CST);
  __atomic_store_n(&page.seq, page.seq | 1u, __ATOMIC_SEQ_CST);
  page.running = thread;
  page.ready_count = static_cast<std::uint32_t>(ready.size());
  for (std::uint32_t i = 0; i < page.ready_count; ++i)
    page.ready[i] = {.thread = i,
                     .cls = CANDOR_CLASS_FAIR,
                     .priority = 0,
                     .reserved = 0,
                     .deadline_ns = CANDOR_NO_TIME,
                     .expected_ns = ready[i]};
  __atomic_store_n(&page.seq, (page.seq | 1u) + 1u, __ATOMIC_SEQ_CST);
}

Duration slice_of(pid_t tid) {
  FairTerms terms;
  return get_fair(tid, terms) == 0 ? terms.slice : Duration{-1};
}

#define NEEDS_SLICES() \
  if (client().slice_error() != 0) GTEST_SKIP() << "needs slices: " << std::strerror(client().slice_error())

TEST_F(Candord, ASliceFollowsWhatTheGuestExpects) {
  START();
  NEEDS_SLICES();
  FakeVm vm(client(), options(1, "one"));
  ASSERT_TRUE(vm.registered()) << vm.reason();
  const Duration own = slice_of(vm.tid(0));
  const auto becomes = [&](Duration slice) {
    return eventually([&] { return slice_of(vm.tid(0)) == slice; }, 2000);
  };
  sleeps_then_runs(vm, 0, 4, microseconds(300));
  EXPECT_TRUE(becomes(microseconds(400))) << "what its timer wakes next is short";
  runs(vm, 0, 4, {});
  sleep_ms(600);
  EXPECT_EQ(slice_of(vm.tid(0)), microseconds(400)) << "it runs, and nothing has changed";
  runs(vm, 0, 4, {0});
  EXPECT_TRUE(becomes(own)) << "another thread says nothing";
  runs(vm, 0, 4, {1});
  EXPECT_TRUE(becomes(microseconds(400))) << "both say something";
  sleeps_then_runs(vm, 0, 4, {1});
  EXPECT_TRUE(becomes(microseconds(100))) << "not less, whatever it says";
  sleeps_then_runs(vm, 0, 4, seconds(3));
  EXPECT_TRUE(becomes(own)) << "not more";
  sleeps_then_runs(vm, 0, 4, {1});
  EXPECT_TRUE(becomes(microseconds(100)));
  vm.act(0, Act::kSpin);
  EXPECT_TRUE(becomes(own)) << "it says that it sleeps, and does not";
  const auto stats = client().stats();
  ASSERT_TRUE(stats.ok()) << stats.error();
  EXPECT_EQ(stats->slice_changes, 7u) << "a system call for each change and no other";
}

TEST_F(Candord, ASliceNeverMeetsARankAndIsTakenBack) {
  START();
  NEEDS_SLICES();
  FakeVm vm(client(), options(1, "one")), gone(client(), options(2, "gone"));
  const Duration own = slice_of(vm.tid(0));
  ASSERT_EQ(vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)), CANDOR_CLAIM_ADMITTED);
  for (FakeVm* each : {&vm, &gone})
    for (const std::uint32_t vcpu : {0u, 1u}) sleeps_then_runs(*each, vcpu, 4, microseconds(300));
  EXPECT_TRUE(eventually(
      [&] { return slice_of(vm.tid(0)) == microseconds(400) && slice_of(gone.tid(0)) == microseconds(400); },
      2000));
  EXPECT_EQ(vm.policy(0), SCHED_OTHER);
  EXPECT_EQ(vm.policy(1), SCHED_FIFO);
  EXPECT_EQ(slice_of(gone.tid(1)), own) << "for real-time claims, with a rank or without";
  ASSERT_TRUE(client().remove_vm(2).ok());
  EXPECT_EQ(slice_of(gone.tid(0)), own);
  ASSERT_TRUE(client().demote().ok());
  for (const std::size_t vcpu : {0u, 1u}) EXPECT_EQ(slice_of(vm.tid(vcpu)), own);
  sleep_ms(600);
  EXPECT_EQ(slice_of(vm.tid(0)), own) << "for good";
}

TEST_F(Candord, SlicesStayAsTheyAreWhenTurnedOff) {
  START(Policy::kAware, true, false);
  NEEDS_SLICES();
  FakeVm vm(client(), options(1, "one"));
  const Duration own = slice_of(vm.tid(0));
  sleeps_then_runs(vm, 0, 4, microseconds(300));
  sleep_ms(600);
  EXPECT_EQ(slice_of(vm.tid(0)), own);
  EXPECT_EQ(client().stats()->slice_changes, 0u);
}

// Without the privilege: in a child, since a privilege dropped does not come back.
TEST_F(Candord, WithoutPrivilegeItSaysSoAndServesAsBookkeeping) {
  const auto run = [&]() -> int {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_RTPRIO, &none);
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 10;
    auto client = SchedulerClient::spawn({.processors = {cpu_}, .admission = kTerms});
    if (!client.ok()) return 11;
    if (client->ranks() || client->rank_error() != EPERM) return 12;
    FakeVm vm(*client, options(1, "one"));
    if (!vm.registered()) return 13;
    if ((vm.page().features & CANDOR_FEATURE_RANKS) != 0) return 14;
    if (vm.claim(0, CANDOR_CLASS_DEADLINE, milliseconds(1), milliseconds(10)) != CANDOR_CLAIM_ADMITTED)
      return 15;
    if (vm.policy(1) != SCHED_OTHER) return 16;
    return client->quit().ok() ? 0 : 17;
  };
  const pid_t child = fork();
  if (child == 0) _exit(run());
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace candor::host
