// The scheduler against a plain reference that, at each decision, brings every claim up to now, sorts them
// all by the rules of order.h, and asks each for its look. Orders, ranks, reasons and what claims are told
// must be the same, and what explain() says of each change the same as the run list; looks no later. A
// failing case prints how to run it again: RC_PARAMS="seed=N".
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "sched/scheduler.h"
#include "sched/seeded_test.h"

namespace candor::sched {
namespace {

constexpr std::uint32_t kProcessors = 2, kEntitled = 800'000;

struct PlainClaim {
  VmId vm = 0;
  std::uint32_t thread = 0, vcpu = 0, processor = 0;
  ClaimServer server;
  Look look{};  // as of the last decision
  Time decided = Time::never();
  bool held{};
  Time not_before{};
};

Place place_of(const PlainClaim& c, Time now) {
  const Terms& t = c.server.terms();
  return {.overdrawn = c.server.overdrawn(),
          .cls = t.cls,
          .priority = t.priority,
          .deadline = c.server.effective_deadline(now),
          .remaining = c.server.remaining(),
          .vm = c.vm,
          .thread = c.thread};
}

class Reference {
 public:
  void admit(VmId vm, std::uint32_t thread, const Answer& answer, const Terms& terms, Time now) {
    std::uint64_t sum = bandwidth_of(terms);
    for (const auto& c : claims_)
      if (c->vm == vm) sum += bandwidth_of(c->server.terms());
    const Gone& gone = gone_[vm];
    const bool pays = gone.until > now && sum + gone.ppm > kEntitled;
    claims_.push_back(std::make_unique<PlainClaim>(PlainClaim{.vm = vm,
                                                              .thread = thread,
                                                              .vcpu = answer.vcpu,
                                                              .processor = answer.processor,
                                                              .server = ClaimServer(terms, now)}));
    comes(*claims_.back(), now, pays ? gone.until : now);
  }
  void drop(VmId vm, std::uint32_t thread, Time now) {
    drop_if([&](const PlainClaim& c) { return c.vm == vm && c.thread == thread; }, now);
  }
  void drop(VmId vm, Time now) {
    drop_if([&](const PlainClaim& c) { return c.vm == vm; }, now);
    std::erase_if(totals_, [&](const auto& t) { return t.first.first == vm; });
    gone_.erase(vm);
  }
  // As if they were new where they go: no look has been promised to them there.
  void move(std::span<const Scheduler::Move> moves, Time now) {
    const auto each = [&](auto what) {
      for (const Scheduler::Move& m : moves)
        for (auto& c : claims_)
          if (c->vm == m.vm && c->vcpu == m.vcpu) what(m, *c);
    };
    each([&](const Scheduler::Move& m, PlainClaim& c) {
      std::erase(last_[m.from], &c);
      c.processor = kNone;
      leaves(c, m.from);
    });
    each([&](const Scheduler::Move& m, PlainClaim& c) {
      c.processor = m.to;
      c.decided = Time::never();
      comes(c, now, now);
    });
  }
  PlainClaim* find(VmId vm, std::uint32_t thread) {
    for (const auto& c : claims_)
      if (c->vm == vm && c->thread == thread) return c.get();
    return nullptr;
  }
  void publish(VmId vm, std::uint32_t thread, const JobReport& job, Time now) {
    if (PlainClaim* c = find(vm, thread)) c->server.advance(now), c->server.report(job, now);
  }
  void charge(VmId vm, std::uint32_t vcpu, Duration total, Time now) {
    const auto [at, fresh] = totals_.try_emplace({vm, vcpu}, total);
    const Duration used = fresh ? Duration{0} : std::max(total - at->second, Duration{0});
    at->second = std::max(total, at->second);
    PlainClaim* bearer = nullptr;
    const auto worth = [](const PlainClaim& c) { return !c.server.exhausted() && c.server.active(); };
    for (const auto& c : claims_) {
      if (c->vm != vm || c->vcpu != vcpu) continue;
      if (bearer == nullptr || (worth(*c) && !worth(*bearer)) ||
          (worth(*c) == worth(*bearer) && precedes(*c, *bearer, now)))
        bearer = c.get();
    }
    for (const auto& c : claims_)
      if (c->vm == vm && c->vcpu == vcpu)
        c->server.charge(c.get() == bearer ? used : Duration{0}, now, due(*c, now));
  }
  void charge_borrowed(VmId vm, std::uint32_t thread, Duration used, Time now) {
    if (PlainClaim* c = find(vm, thread)) c->server.charge_borrowed(used, now);
  }

  std::vector<PlainClaim*> order(std::uint32_t processor, Time now) const {
    std::vector<PlainClaim*> order;
    for (const auto& c : claims_)
      if (c->processor == processor) order.push_back(c.get());
    std::sort(order.begin(), order.end(),
              [&](const PlainClaim* a, const PlainClaim* b) { return precedes(*a, *b, now); });
    return order;
  }

  // The order, and the latest time at which to look again.
  std::vector<PlainClaim*> decide(std::uint32_t processor, Time now, Time& next) {
    auto order = decide_once(processor, now, next);
    if (settle(processor, now)) order = decide_once(processor, now, next);
    return order;
  }

 private:
  std::vector<PlainClaim*> decide_once(std::uint32_t processor, Time now, Time& next) {
    for (const auto& c : claims_)
      if (c->processor == processor) c->server.advance(now);
    extend_overdrawn(order(processor, now), now);
    const auto claims = last_[processor] = order(processor, now);
    next = Time::never();
    Duration ahead;
    for (std::size_t i = 0; i < claims.size(); ++i) {
      PlainClaim& c = *claims[i];
      ClaimServer& server = c.server;
      c.look = server.look(now, claims.size() == 1);
      c.decided = now;
      next = std::min(next, c.look.by(now, ahead));
      if (server.active() && !server.exhausted()) ahead += server.left();
      if (!server.blocked() || server.exhausted() || i + 1 == claims.size()) continue;
      const ClaimServer& behind = claims[i + 1]->server;
      if (behind.blocked() || behind.exhausted() || behind.overdrawn() || server.overdrawn() ||
          server.terms().cls != CANDOR_CLASS_DEADLINE || behind.terms().cls != CANDOR_CLASS_DEADLINE)
        continue;
      const Time overtaken = behind.effective_deadline(now) - server.terms().relative_deadline;
      if (overtaken > now) next = std::min(next, overtaken + nanoseconds(1));
    }
    looks_[processor] = next = std::max(next, now + kLeastLook);
    return claims;
  }
  // Changes, C1.
  bool settle(std::uint32_t processor, Time now) {
    Time& settled = settled_[processor];
    bool begun = false, work = false;
    for (const PlainClaim* c : last_[processor])
      work |= c->server.active() && !c->server.exhausted() && c->server.left() > Duration{0};
    if (work && settled > now) return false;
    for (PlainClaim* c : last_[processor]) {
      if (!std::exchange(c->held, false) || settled <= now) continue;
      c->server.hold(c->not_before, now);
      begun = true;
    }
    if (settled > now) settled = Time{};
    return begun;
  }
  void comes(PlainClaim& c, Time now, Time not_before) {
    const Time own = std::max({c.server.earliest(), not_before, now});
    c.not_before = own;
    c.held = settled_[c.processor] > own;
    if (const Time from = std::max(settled_[c.processor], own); from > std::max(c.server.earliest(), now))
      c.server.hold(from, now);
  }
  void leaves(const PlainClaim& c, std::uint32_t processor) {
    const bool empty = std::none_of(claims_.begin(), claims_.end(), [&](const auto& o) {
      return o.get() != &c && o->processor == processor;
    });
    settled_[processor] = empty ? Time{} : std::max(settled_[processor], c.server.earliest());
  }
  static bool precedes(const PlainClaim& a, const PlainClaim& b, Time now) {
    if (a.server.exhausted() != b.server.exhausted()) return b.server.exhausted();
    return before(place_of(a, now), place_of(b, now));
  }
  template <typename Which>
  void drop_if(Which which, Time now) {
    for (auto& order : last_) std::erase_if(order, [&](const PlainClaim* c) { return which(*c); });
    for (const auto& c : claims_) {
      if (!which(*c)) continue;
      leaves(*c, std::exchange(c->processor, kNone));
      const Time until = std::max(c->server.earliest(), c->server.even());
      Gone& gone = gone_[c->vm];
      if (until <= now) continue;
      gone.ppm = (gone.until > now ? gone.ppm : 0) + bandwidth_of(c->server.terms());
      gone.until = std::max(gone.until, until);
    }
    std::erase_if(claims_, [&](const auto& c) { return which(*c); });
  }
  // The look it was promised, claims given up since the last decision apart, once the whole decision is late.
  Time due(const PlainClaim& claim, Time now) const {
    if (claim.decided == Time::never() || now - looks_[claim.processor] <= kLate) return Time::never();
    Duration ahead;
    for (const PlainClaim* c : last_[claim.processor]) {
      if (c == &claim) break;
      ahead += c->look.uses;
    }
    return claim.look.by(claim.decided, ahead);
  }
  static bool shorter_or_lower(const PlainClaim& a, const PlainClaim& b) {
    const auto key = [](const PlainClaim& c) { return std::tuple(c.server.remaining(), c.vm, c.thread); };
    return key(a) < key(b);
  }
  void extend_overdrawn(const std::vector<PlainClaim*>& claims, Time now) {
    if (claims.size() == 1) return;
    PlainClaim* first = nullptr;
    Time deadline = Time::never();
    for (PlainClaim* c : claims) {
      if (c->server.terms().cls != CANDOR_CLASS_DEADLINE) return;
      const Time due = c->server.server_deadline(now);
      if (!c->server.overdrawn() || due <= now || due > deadline) continue;
      if (first != nullptr && due == deadline && !shorter_or_lower(*c, *first)) continue;
      first = c;
      deadline = due;
    }
    if (first == nullptr) return;
    std::vector<Demand> demands;
    for (const PlainClaim* c : claims) demands.push_back(c->server.demand(now));
    first->server.extend(slack(demands, now, deadline));
    Time& settled = settled_[first->processor];
    if (!first->server.overdrawn()) settled = std::max(settled, first->server.earliest());
  }

  std::vector<std::unique_ptr<PlainClaim>> claims_;
  std::array<std::vector<PlainClaim*>, kProcessors> last_;  // orders, at the last decisions
  std::array<Time, kProcessors> looks_;                     // due after them
  std::array<Time, kProcessors> settled_{};
  struct Gone {
    std::uint64_t ppm = 0;
    Time until{};
  };
  std::map<VmId, Gone> gone_;
  std::map<std::pair<VmId, std::uint32_t>, Duration> totals_;
};

// Drives both with the same random events.
class Twins {
 public:
  Twins(std::uint32_t seed, int vms, bool fixed, bool shared)
      : random_(seed), vms_(vms), fixed_(fixed), shared_(shared) {}

  void run(int events) {
    for (int i = 0; i < events; ++i) {
      for (auto n = upto(3); n >= 0; --n) event();
      // At times a look is late, or missed altogether; at others it comes long before.
      if (upto(4) == 0)
        now_ = now_ + microseconds(upto(20'000));
      else if (upto(3) == 0)
        now_ = now_ + Duration{upto(400'000)};
      else if (next_ != Time::never())
        now_ = std::max(next_ + nanoseconds(upto(3) - 1), now_);
      for (std::uint32_t p = 0; p < kProcessors; ++p)
        if (upto(5) != 0) compare(p);
    }
  }

  int moves = 0, overdrawn = 0, exhausted = 0, repacked = 0, behind = 0, ahead = 0, unranked = 0,
      unclaimed = 0;

 private:
  std::int64_t upto(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
  }

  void event() {
    const auto vm = static_cast<VmId>(upto(vms_));
    const auto thread = static_cast<std::uint32_t>(upto(4));
    switch (upto(30)) {
      case 0:
        return add(vm);
      case 1:
        if (upto(10) != 0) return;
        scheduler_.remove_vm(vm, now_);
        reference_.drop(vm, now_);
        std::erase_if(imposed_, [&](const auto& l) { return l.first.first == vm; });
        return;
      case 2:
      case 3:
        return claim(vm, thread);
      case 4:
        scheduler_.release(vm, thread, now_);
        return reference_.drop(vm, thread, now_);
      case 5: {
        const Duration used = microseconds(upto(2'000));
        scheduler_.charge_borrowed(vm, thread, used, now_);
        return reference_.charge_borrowed(vm, thread, used, now_);
      }
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        return charge(vm, 1 + static_cast<std::uint32_t>(upto(shared_ ? 2 : 4)));
      default:
        return publish(vm, thread);
    }
  }
  void add(VmId vm) {
    (void)scheduler_.add_vm(vm, {.bandwidth_ppm = kEntitled,
                                 .max_priority = 50,
                                 .fair_vcpus = 1,
                                 .realtime_vcpus = shared_ ? 2u : 4u});
  }
  void claim(VmId vm, std::uint32_t thread) {
    add(vm);
    const std::int64_t period = upto(2) == 0 ? 10'000'000 : 500'000 + upto(20'000'000);
    const std::int64_t budget = std::max<std::int64_t>(period * (1 + upto(100)) / 1'000, 1);
    const std::int64_t relative = upto(2) == 0 ? period : budget + upto(period - budget + 1);
    const bool fixed = fixed_ && upto(3) == 0;
    const ClaimRequest request{
        .cls = static_cast<std::uint32_t>(fixed ? CANDOR_CLASS_FIXED : CANDOR_CLASS_DEADLINE),
        .priority = fixed ? 1 + static_cast<std::uint32_t>(upto(3)) : 0,
        .budget_ns = static_cast<std::uint64_t>(budget),
        .period_ns = static_cast<std::uint64_t>(period),
        .relative_deadline_ns = static_cast<std::uint64_t>(relative),
        .blocking_ns = static_cast<std::uint64_t>(upto(3) == 0 ? upto((relative - budget) / 8 + 1) : 0)};
    reference_.drop(vm, thread, now_);
    const Answer answer = scheduler_.claim(vm, thread, request, now_);
    reference_.move(scheduler_.moves(), now_);
    repacked += static_cast<int>(scheduler_.moves().size());
    if (answer.status == CANDOR_CLAIM_ADMITTED)
      reference_.admit(vm, thread, answer, *check_request(request), now_);
  }
  void publish(VmId vm, std::uint32_t thread) {
    const auto at = [&](std::int64_t from, std::int64_t to) {
      return static_cast<std::uint64_t>(now_.ns + from + upto(to - from));
    };
    JobReport job{.state = static_cast<std::uint32_t>(1 + upto(3)),
                  .job = static_cast<std::uint64_t>(upto(4))};
    job.release_ns = job.state == CANDOR_THREAD_WAITING ? at(-1'000, 15'000'000) : at(-3'000'000, 1);
    if (upto(8) == 0) job.deadline_ns = at(0, 30'000'000);
    if (upto(4) == 0) job.expected_ns = static_cast<std::uint64_t>(upto(3)) * 100'000;
    scheduler_.publish(vm, thread, job, now_);
    reference_.publish(vm, thread, job, now_);
  }
  void charge(VmId vm, std::uint32_t vcpu) {
    if (scheduler_.entitlement(vm) == nullptr) return;
    auto& total = totals_[{vm, vcpu}];
    total = total + microseconds(upto(4) == 0 ? upto(6'000) : upto(300));
    scheduler_.charge(vm, vcpu, total, now_);
    reference_.charge(vm, vcpu, total, now_);
  }

  void compare(std::uint32_t p) {
    const Decision decision = scheduler_.decide(p, now_);
    Time latest;
    const auto expected = reference_.decide(p, now_, latest);
    RC_ASSERT(decision.next > now_);
    // A blocked claim that loses ties is overtaken a nanosecond sooner than the reference has it, or right
    // now.
    RC_ASSERT(decision.next <= latest);
    RC_ASSERT(decision.next + nanoseconds(1) >= latest || decision.next == now_ + kLeastLook);
    next_ = p == 0 ? decision.next : std::min(next_, decision.next);

    std::vector<Scheduler::ClaimId> order;
    scheduler_.claims_on(p, order);
    RC_ASSERT(order.size() == expected.size());
    std::set<std::pair<VmId, std::uint32_t>> ranked;
    std::vector<std::pair<VmId, std::uint32_t>> by_rank;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const PlainClaim& c = *expected[i];
      RC_ASSERT(order[i].vm == c.vm && order[i].thread == c.thread && order[i].vcpu == c.vcpu);
      const ClaimView view = scheduler_.claim_view(c.vm, c.thread, now_);
      RC_ASSERT((view.status == CANDOR_CLAIM_EXHAUSTED) == c.server.exhausted());
      RC_ASSERT(view.server_deadline == c.server.server_deadline(now_));
      // Of a claim that has a budget the time of the next says no more than whether it is still to come.
      const bool has_budget = !c.server.exhausted() && !c.server.overdrawn();
      RC_ASSERT(view.replenish == c.server.replenish() ||
                (has_budget && std::max(view.replenish, c.server.replenish()) <= now_));
      RC_ASSERT(view.active == c.server.active());
      overdrawn += c.server.overdrawn() ? 1 : 0;
      exhausted += c.server.exhausted() ? 1 : 0;
      if (c.server.exhausted() || !ranked.emplace(c.vm, c.vcpu).second) continue;
      by_rank.emplace_back(c.vm, c.vcpu);
      RC_ASSERT(scheduler_.vcpu_view(c.vm, c.vcpu, now_).rank == by_rank.size());
    }
    view(expected);
    explain(p, expected, decision);
    impose(decision, by_rank);
  }
  // What each vCPU is told of the others' claims.
  void view(const std::vector<PlainClaim*>& order) {
    for (const PlainClaim* own : order) {
      const auto is_own = [&](const PlainClaim* c) { return c->vm == own->vm && c->vcpu == own->vcpu; };
      const auto runs = [](const PlainClaim* c) { return c->server.active() && !c->server.exhausted(); };
      Time from = Time::never();
      bool wanted = false, own_runs = false, earlier = false, before_own = true;
      for (const PlainClaim* c : order) {
        if (is_own(c)) {
          own_runs |= runs(c);
          before_own = false;
          continue;
        }
        earlier |= before_own && runs(c);
        from = std::min(from, c->server.active() ? now_ : std::max(c->server.release(now_), now_));
        wanted |= c->server.active() && c->vm != own->vm;
      }
      const VcpuView view = scheduler_.vcpu_view(own->vm, own->vcpu, now_);
      RC_ASSERT(view.waiting_key == from);
      RC_ASSERT((view.wanted != 0) == wanted);
      RC_ASSERT((view.preempted != 0) == (own_runs && earlier));
      RC_ASSERT((view.ring_at_job_end != 0) == (order.size() > 1));
    }
  }
  void explain(std::uint32_t p, const std::vector<PlainClaim*>& expected, const Decision& decision) {
    std::vector<RunListItem> list;
    scheduler_.run_list(now_, list);
    const PlainClaim* previous = nullptr;
    auto item = list.begin();
    for (const PlainClaim* c : expected) {
      if (c->server.exhausted()) continue;
      item = std::find_if(item, list.end(), [&](const RunListItem& i) { return i.processor == p; });
      RC_ASSERT(item != list.end());
      RC_ASSERT(item->vm == c->vm && item->thread == c->thread);
      const OrderReason reason = previous == nullptr
                                     ? OrderReason::kSame
                                     : first_difference(place_of(*previous, now_), place_of(*c, now_));
      RC_ASSERT(item->behind_previous == reason);
      previous = c;
      ++item;
    }
    for (const RankChange& change : decision.changes) {
      const Explanation why = scheduler_.explain(change.vm, change.vcpu, now_);
      RC_ASSERT(why.level == change.level);
      if (change.level > 0)
        explain_rank(change, why, list);
      else
        explain_no_rank(change, why, expected);
    }
  }
  // It says of itself, and of those next to it, what the run list does.
  void explain_rank(const RankChange& change, const Explanation& why, const std::vector<RunListItem>& list) {
    const auto item = std::find_if(list.begin(), list.end(), [&](const RunListItem& i) {
      return i.vm == change.vm && i.vcpu == change.vcpu && i.level > 0;
    });
    RC_ASSERT(item != list.end());
    RC_ASSERT(why.thread == item->thread && why.level == item->level);
    RC_ASSERT(why.cls == item->cls && why.priority == item->priority && why.deadline == item->deadline);
    RC_ASSERT(why.behind_previous == item->behind_previous);
    const bool first = item == list.begin() || std::prev(item)->processor != item->processor;
    RC_ASSERT(first == (why.behind_thread == kNone));
    if (!first)
      RC_ASSERT(why.behind_vm == std::prev(item)->vm && why.behind_thread == std::prev(item)->thread);
    const auto next = std::next(item);
    const bool last = next == list.end() || next->processor != item->processor || next->level == 0;
    RC_ASSERT(last == (why.ahead_thread == kNone));
    if (!last) RC_ASSERT(why.ahead_vm == next->vm && why.ahead_thread == next->thread);
    RC_ASSERT(why.ahead_of_next == (last ? OrderReason::kSame : next->behind_previous));
    behind += first ? 0 : 1;
    ahead += last ? 0 : 1;
  }
  void explain_no_rank(const RankChange& change, const Explanation& why,
                       const std::vector<PlainClaim*>& expected) {
    Time replenish = Time::never();
    std::uint32_t thread = kNone;
    for (const PlainClaim* c : expected) {
      if (c->vm != change.vm || c->vcpu != change.vcpu) continue;
      RC_ASSERT(c->server.exhausted());
      replenish = std::min(replenish, c->server.replenish());
      if (c->thread == why.thread && c->server.replenish() == why.replenish) thread = c->thread;
    }
    RC_ASSERT(why.thread == thread && why.replenish == replenish && why.behind_thread == kNone);
    ++(thread == kNone ? unclaimed : unranked);
  }
  // Levels agree with the order, and no change on the way puts a vCPU below one it precedes.
  void impose(const Decision& decision, const std::vector<std::pair<VmId, std::uint32_t>>& by_rank) {
    const auto inversions = [&] {
      std::set<std::pair<std::size_t, std::size_t>> found;
      for (std::size_t a = 0; a < by_rank.size(); ++a)
        for (std::size_t b = a + 1; b < by_rank.size(); ++b)
          if (imposed_[by_rank[a]] < imposed_[by_rank[b]]) found.emplace(a, b);
      return found;
    };
    auto wrong = inversions();
    for (const RankChange& c : decision.changes) {
      RC_ASSERT((imposed_[{c.vm, c.vcpu}]) != c.level);
      imposed_[{c.vm, c.vcpu}] = c.level;
      const auto still = inversions();
      RC_ASSERT(std::includes(wrong.begin(), wrong.end(), still.begin(), still.end()));
      wrong = still;
      ++moves;
    }
    RC_ASSERT(wrong.empty());
    for (std::size_t i = 0; i < by_rank.size(); ++i) {
      const int level = imposed_[by_rank[i]];
      RC_ASSERT(level >= kRange.lowest && level <= kRange.highest);
      const auto distinct = static_cast<std::size_t>(kRange.count());
      if (i > 0 && i < (by_rank.size() <= distinct ? distinct : distinct / 3))
        RC_ASSERT(level < imposed_[by_rank[i - 1]]);
    }
  }

  // Few, so that some share the lowest.
  static constexpr LevelRange kRange{.lowest = 10, .highest = 21};

  std::mt19937_64 random_;
  int vms_;
  bool fixed_, shared_;
  Scheduler scheduler_{kProcessors, kRange};
  Reference reference_;
  std::map<std::pair<VmId, std::uint32_t>, int> imposed_;
  std::map<std::pair<VmId, std::uint32_t>, Duration> totals_;
  Time now_{seconds(1).ns};
  Time next_ = Time::never();
};

TEST(Incremental, DecidesAsIfAllWereSortedEachTime) {
  int moves = 0, overdrawn = 0, exhausted = 0, repacked = 0, behind = 0, ahead = 0, unranked = 0,
      unclaimed = 0;
  const bool held = holds("incremental", [&]() {
    const auto seed = *rc::gen::arbitrary<std::uint32_t>();
    const bool fixed = *rc::gen::element(false, true), shared = *rc::gen::element(false, true);
    Twins twins(seed, *rc::gen::inRange(1, 12), fixed, shared);
    twins.run(400);
    moves += twins.moves;
    overdrawn += twins.overdrawn;
    exhausted += twins.exhausted;
    repacked += twins.repacked;
    behind += twins.behind;
    ahead += twins.ahead;
    unranked += twins.unranked;
    unclaimed += twins.unclaimed;
  });
  if (!held) return;
  std::printf(
      "%d rank changes, %d behind another, %d ahead of one, %d for want of a budget, %d of a claim; %d "
      "places overdrawn, %d "
      "exhausted, %d moved to make room\n",
      moves, behind, ahead, unranked, unclaimed, overdrawn, exhausted, repacked);
  EXPECT_GT(moves, 1'000) << "hardly exercised";
  EXPECT_GT(overdrawn, 1'000) << "hardly exercised";
  EXPECT_GT(exhausted, 1'000) << "hardly exercised";
  EXPECT_GT(repacked, 10) << "hardly exercised";
  EXPECT_GT(behind, 1'000) << "hardly exercised";
  EXPECT_GT(ahead, 1'000) << "hardly exercised";
  EXPECT_GT(unranked, 100) << "hardly exercised";
  EXPECT_GT(unclaimed, 100) << "hardly exercised";
}

}  // namespace
}  // namespace candor::sched
