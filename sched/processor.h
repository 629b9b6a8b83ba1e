// One processor's claims in their order, the levels of their vCPUs, and the moments at which
// either changes with time alone. A decision visits the claims that were touched since the last one and
// those whose moment has come; all others stand where they stood.
//
// Costs: n claims on the processor. A decision takes O(log n) for each claim visited, O(c) more for
// one whose vCPU carries c claims, and what levels.h says for each vCPU that moves. While a claim is
// overdrawn that others might leave slack, each decision takes O(n log n) (slack.h); one that gives first
// budgets to claims that were held (changes.cc) O(n) more. Nothing allocates.
#pragma once

#include <vector>

#include "sched/activity.h"
#include "sched/claim.h"

namespace candor::sched {

class Processor {
 public:
  /// `blocks`, `changed` and `demands` are of all processors, the latter two as scratch, with room for all
  /// claims, vCPUs and claims.
  Processor(LevelRange levels, const ProcessorModel& model, OrderBlocks& blocks,
            std::vector<Levelled*>& changed, std::vector<Demand>& demands)
      : order_(blocks), levels_(levels, changed), model_(&model), demands_(&demands) {}

  /// A claim with its server, and its vCPU, which carries it already. Its first budget begins when the
  /// processor is settled (changes.cc), and not before `not_before`.
  void add(Claim& claim, Time now, Time not_before = Time{});
  /// Its vCPU must not carry it any more. What it used counts here until its next release could have been.
  void remove(Claim& claim);
  /// A vCPU that carries nothing belongs to another processor from now on, or to none.
  void forget(Vcpu& vcpu) { moved_.remove(vcpu); }
  /// The claim's server was told something.
  void touch(Claim& claim) {
    touched_.add(claim);
    activity_known_ = false;
  }

  /// Brings order and levels up to `now`. Returns when to decide again. `changed` then holds the
  /// vCPUs whose level may differ from what is imposed.
  Time decide(Time now);

  /// The look that the claim was promised at the last decision, if that is past by more than kLate, never()
  /// otherwise. What claims before it that are gone since might have used first does not count. O(1), or
  /// O(log n) if the decision is late.
  [[nodiscard]] Time missed_look(const Claim& claim, Time now) const;
  /// 1 for the first vCPU; 0: none. O(log n).
  [[nodiscard]] std::uint32_t rank(const Vcpu& vcpu) const;

  /// What its vCPUs are told of each other's claims. O(n) after a change, then O(1).
  [[nodiscard]] const Activity& activity() const;

  [[nodiscard]] Claim* first() const { return static_cast<Claim*>(order_.first()); }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t used_ppm() const { return used_ppm_; }
  /// No claim that comes now has a budget before this (C1, changes.cc); past: at once.
  [[nodiscard]] Time settled() const { return settled_; }

 private:
  void extend_overdrawn(Time now);
  void stand_anew(Claim& claim, Time now);
  void take_out(Claim& claim);
  void lift(Claim& claim, Time now);
  void unseat(Vcpu& vcpu);
  void choose_leader(Vcpu& vcpu, Time now);
  void put_in(Claim& claim, Time now);
  void seat(Vcpu& vcpu);
  void watch(Claim& claim, Time now);
  [[nodiscard]] bool settle(Time now);
  void touch_floating(OrderNode* node);

  OrderTree order_;
  LevelTable levels_;
  Pending<Claim, &Claim::touched> touched_;
  Pending<Vcpu, &Vcpu::moved> moved_;  // without a place among the levels for the moment
  const ProcessorModel* model_;
  std::vector<Demand>* demands_;
  std::uint32_t size_ = 0;
  std::uint32_t used_ppm_ = 0;
  std::uint32_t fixed_ = 0;      // claims
  std::uint32_t overdrawn_ = 0;  // claims
  std::uint32_t held_ = 0;       // claims
  Time settled_{};               // no budget of a new claim begins before, unless all claims are without work
  Time decided_ = Time::never();
  Time next_ = Time::never();
  mutable Activity activity_;
  mutable bool activity_known_ = false;
};

}  // namespace candor::sched
