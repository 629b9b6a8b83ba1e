// Claims that change while others run: what was promised to the others holds, and nobody gains by it.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <vector>

#include "sched/scheduler.h"
#include "sched/seeded_test.h"

namespace candor::sched {
namespace {

constexpr std::uint32_t kBandwidth = 400'000;
// The most that three claims of that bandwidth, of periods up to 100 ms, may be ahead of their rates: twice
// their limits, and three times the most grace (server.h, S8).
constexpr Duration kBurst = milliseconds(88 + 3 * 20);

// What VMs that work without end do besides; those that only overrun change their claims ten times at first.
enum class Fickle { kOverrun, kChangeClaims, kComeAndGo };

ClaimRequest deadline_claim(Duration budget, Duration period, Duration relative = {}) {
  return {.cls = CANDOR_CLASS_DEADLINE,
          .budget_ns = static_cast<std::uint64_t>(budget.ns),
          .period_ns = static_cast<std::uint64_t>(period.ns),
          .relative_deadline_ns = static_cast<std::uint64_t>(relative.ns)};
}

// A processor that runs who the scheduler has first.
class ChangingHost {
 public:
  ChangingHost(std::uint32_t seed, Fickle does) : random_(seed), does_(does) {}

  void run(Duration time) {
    add_steady();
    add_fickle(fickle_[0]);
    if (does_ == Fickle::kComeAndGo) add_fickle(fickle_[1]);
    const Time end = now_ + time;
    Time next_change = now_;
    while (now_ < end) {
      for (Steady& s : steady_) begin_job(s);
      if (next_change <= now_) {
        change();
        next_change = now_ + microseconds(upto(15'000));
        if (does_ == Fickle::kOverrun && changes == 10) next_change = end;
      }
      look_at_all();
      const Decision decision = scheduler_.decide(0, now_);
      const auto first = first_place();
      Time next = std::min({decision.next, next_change, end});
      if (FickleVm* vm = fickle(first.vm); vm != nullptr && vm->left > Duration{0})
        next = std::min(next, now_ + vm->left);
      for (const Steady& s : steady_) next = std::min(next, s.left > Duration{0} ? next : s.release);
      Steady* steady = nullptr;
      for (Steady& s : steady_)
        if (first.vm == s.vm && s.left > Duration{0}) steady = &s;
      if (steady != nullptr) next = std::min(next, now_ + steady->left);
      const Duration step = next - now_;
      now_ = next;
      if (steady != nullptr)
        work(*steady, step);
      else if (FickleVm* vm = fickle(first.vm); vm != nullptr) {
        ranked = ranked + step;
        vm->ran[first.vcpu - 1] = vm->ran[first.vcpu - 1] + step;
        vm->left = vm->left - step;
        if (does_ == Fickle::kComeAndGo && vm->left <= Duration{0}) next_change = now_;
      }
    }
    lasted = time;
  }

  int jobs = 0, missed = 0, changes = 0, admitted = 0;
  Duration ranked;  // what fickle VMs ran with a rank
  Duration lasted;

 private:
  struct Steady {
    VmId vm;
    Duration budget, period, relative;
    Time release;
    Duration left{}, ran{};
    std::uint64_t job = 0;
  };
  struct FickleVm {
    VmId id = 0;
    std::array<Duration, 2> ran{};  // its real-time vCPUs
    std::uint64_t job = 0;
    Duration left{};  // of the budget of its last claim
  };

  std::int64_t upto(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
  }

  void add_steady() {
    for (VmId vm = 1; vm <= 3; ++vm) {
      const std::int64_t period = 2'000'000 + upto(40'000'000);
      const std::int64_t budget = period / 7;
      const std::int64_t relative = upto(2) == 0 ? period : period * 3 / 4 + upto(period / 4);
      Steady s{.vm = vm, .budget = {budget}, .period = {period}, .relative = {relative}, .release = now_};
      ASSERT_TRUE(scheduler_.add_vm(vm, {.bandwidth_ppm = 200'000, .fair_vcpus = 1, .realtime_vcpus = 1}));
      const Answer answer = scheduler_.claim(vm, 0, deadline_claim(s.budget, s.period, s.relative), now_);
      ASSERT_EQ(answer.status, CANDOR_CLAIM_ADMITTED);
      scheduler_.charge(vm, 1, {}, now_);
      steady_.push_back(s);
    }
  }
  void add_fickle(FickleVm& vm) {
    vm.ran = {};
    ASSERT_TRUE(
        scheduler_.add_vm(vm.id, {.bandwidth_ppm = kBandwidth, .fair_vcpus = 1, .realtime_vcpus = 2}));
    for (const std::uint32_t vcpu : {1u, 2u}) scheduler_.charge(vm.id, vcpu, {}, now_);
  }
  FickleVm* fickle(VmId id) {
    const auto at =
        std::find_if(fickle_.begin(), fickle_.end(), [&](const FickleVm& v) { return v.id == id; });
    return at == fickle_.end() ? nullptr : &*at;
  }
  void begin_job(Steady& s) {
    if (s.left > Duration{0} || s.release > now_) return;
    s.left = s.budget;
    ++s.job;
    publish(s.vm, 0, CANDOR_THREAD_READY, s.release, s.job);
  }
  void work(Steady& s, Duration step) {
    s.ran = s.ran + step;
    s.left = s.left - step;
    if (s.left > Duration{0}) return;
    ++jobs;
    missed += now_ > s.release + s.relative ? 1 : 0;
    s.release = s.release + s.period;
    publish(s.vm, 0, CANDOR_THREAD_WAITING, s.release, s.job + 1);
  }
  void publish(VmId vm, std::uint32_t thread, candor_thread_state state, Time release, std::uint64_t job) {
    scheduler_.publish(vm, thread,
                       {.state = static_cast<std::uint32_t>(state),
                        .release_ns = static_cast<std::uint64_t>(release.ns),
                        .job = job},
                       now_);
  }

  // Other terms for a thread, or none, or another VM in place of this one, which has had its budget.
  void change() {
    ++changes;
    look_at_all();
    FickleVm& vm = fickle_[does_ == Fickle::kComeAndGo ? upto(2) : 0];
    const auto thread = static_cast<std::uint32_t>(upto(3));
    if (does_ == Fickle::kComeAndGo && upto(4) != 0) {
      scheduler_.remove_vm(vm.id, now_);
      add_fickle(vm);
      return claim(fickle_[&vm == &fickle_[0] ? 1 : 0], 0, 8'000'000, 20'000'000);
    }
    if (upto(4) == 0) return scheduler_.release(vm.id, thread, now_);
    const std::int64_t period = upto(2) == 0 ? 100'000'000 : 3'000'000 + upto(60'000'000);
    const std::int64_t budget = period / 10 * (1 + upto(4));
    claim(vm, thread, budget, period);
  }
  void claim(FickleVm& vm, std::uint32_t thread, std::int64_t budget, std::int64_t period) {
    const Answer answer = scheduler_.claim(vm.id, thread, deadline_claim({budget}, {period}), now_);
    if (answer.status != CANDOR_CLAIM_ADMITTED) return;
    ++admitted;
    vm.left = {budget};
    ++vm.job;
  }
  // As candord does before each decision.
  void look_at_all() {
    for (const Steady& s : steady_) scheduler_.charge(s.vm, 1, s.ran, now_);
    for (const FickleVm& vm : fickle_) {
      for (const std::uint32_t thread : {0u, 1u, 2u})
        publish(vm.id, thread, CANDOR_THREAD_READY, now_, vm.job);
      for (const std::uint32_t vcpu : {1u, 2u}) scheduler_.charge(vm.id, vcpu, vm.ran[vcpu - 1], now_);
    }
  }

  // The first claim that has work and a rank.
  Scheduler::ClaimId first_place() {
    scheduler_.claims_on(0, claims_);
    for (const auto& c : claims_) {
      const ClaimView view = scheduler_.claim_view(c.vm, c.thread, now_);
      if (view.status == CANDOR_CLAIM_EXHAUSTED) continue;
      if (fickle(c.vm) != nullptr) return c;
      for (const Steady& s : steady_)
        if (s.vm == c.vm && s.left > Duration{0}) return c;
    }
    return {.vm = 0, .thread = 0, .vcpu = 0};
  }

  std::mt19937_64 random_;
  Fickle does_;
  Scheduler scheduler_{1};
  Time now_{seconds(1).ns};
  std::vector<Steady> steady_;
  std::array<FickleVm, 2> fickle_{{{.id = 8}, {.id = 9}}};
  std::vector<Scheduler::ClaimId> claims_;
};

// No steady VM misses a deadline; and a VM that stays gets no more than its bandwidth, and tolerance, with a
// rank.
void nobody_else_misses(Fickle does) {
  int jobs = 0, admitted = 0;
  Duration ranked, lasted;
  const bool held = holds("changes", [&]() {
    ChangingHost host(*rc::gen::arbitrary<std::uint32_t>(), does);
    host.run(seconds(4));
    jobs += host.jobs;
    admitted += host.admitted;
    ranked = ranked + host.ranked;
    lasted = lasted + host.lasted;
    RC_LOG() << host.jobs << " jobs, " << host.missed << " missed, " << host.ranked.ns / 1'000'000
             << " ms ranked";
    RC_ASSERT(host.missed == 0);
    if (does != Fickle::kComeAndGo)
      RC_ASSERT(host.ranked.ns <= host.lasted.ns / 1'000'000 * kBandwidth * 11 / 10 + kBurst.ns);
  });
  if (!held) return;
  std::printf("%d jobs of others, %d claims admitted, %.1f %% of the time used with a rank\n", jobs, admitted,
              100.0 * static_cast<double>(ranked.ns) / static_cast<double>(lasted.ns));
  EXPECT_GT(jobs, 1'000) << "hardly exercised";
  EXPECT_GT(admitted, 100) << "hardly exercised";
  EXPECT_GT(ranked.ns * 10, lasted.ns) << "hardly exercised";
}

TEST(Changes, WhoOverrunsWithoutEndDelaysNobody) {
  nobody_else_misses(Fickle::kOverrun);
}

TEST(Changes, WhoChangesItsClaimsDelaysNobodyAndGainsNothing) {
  nobody_else_misses(Fickle::kChangeClaims);
}

TEST(Changes, VmsThatComeAndGoDelayNobody) {
  nobody_else_misses(Fickle::kComeAndGo);
}

}  // namespace
}  // namespace candor::sched
