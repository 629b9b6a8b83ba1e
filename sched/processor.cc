#include "sched/processor.h"

#include <algorithm>
#include <utility>

namespace candor::sched {

void Processor::add(Claim& claim, Time now, Time not_before) {
  claim.not_before = std::max({not_before, claim.server.earliest(), now});
  claim.held = settled_ > claim.not_before;
  if (claim.held) ++held_;
  const Time from = std::max(settled_, claim.not_before);
  if (from > std::max(claim.server.earliest(), now)) claim.server.hold(from, now);
  claim.standing = standing_of(claim);
  order_.insert(claim, now);
  claim.in_order = true;
  used_ppm_ += claim.ppm;
  ++size_;
  if (claim.server.terms().cls == CANDOR_CLASS_FIXED) ++fixed_;
  touch(claim);
  if (size_ == 2)  // the other one is not alone any more
    for (Claim* c = first(); c != nullptr; c = c->behind()) touch(*c);
}

void Processor::remove(Claim& claim) {
  take_out(claim);
  touched_.remove(claim);
  used_ppm_ -= claim.ppm;
  --size_;
  if (claim.server.terms().cls == CANDOR_CLASS_FIXED) --fixed_;
  if (claim.overdrawn) --overdrawn_;
  if (claim.held) --held_;
  settled_ = size_ == 0 ? Time{} : std::max(settled_, claim.server.earliest());
  if (size_ == 1) touch(*first());
  activity_known_ = false;
}

// When the claim behind one whose deadline floats is another: when would that come before it?
void Processor::touch_floating(OrderNode* node) {
  if (node != nullptr && !node->standing.still()) touch(*static_cast<Claim*>(node));
}

void Processor::take_out(Claim& claim) {
  order_.erase(claim);
  claim.in_order = false;
  claim.passed = claim.overtaken = Time::never();
  unseat(*claim.carrier);
  touch_floating(claim.previous);
}

// With it go those before it whose deadlines float, and are by now later than that of what was behind it.
// What is left is in its order.
void Processor::lift(Claim& claim, Time now) {
  for (Claim* c = &claim;;) {
    take_out(*c);
    auto* before = static_cast<Claim*>(c->previous);
    if (before == nullptr || c->next == nullptr || precedes(before->standing, c->next->standing, now)) return;
    c = before;
  }
}

// Until it has its next place, its level is free for others.
void Processor::unseat(Vcpu& vcpu) {
  if (vcpu.leader != nullptr && vcpu.leader->leads) {
    OrderTree::lead(*vcpu.leader, false);
    levels_.remove(vcpu);
  }
  vcpu.leader = nullptr;
  moved_.add(vcpu);
}

// For a vCPU without a place.
void Processor::choose_leader(Vcpu& vcpu, Time now) {
  for (Claim* c = vcpu.carried; c != nullptr; c = c->next_carried) {
    if (c->server.exhausted()) continue;
    if (vcpu.leader == nullptr || precedes(c->standing, vcpu.leader->standing, now)) vcpu.leader = c;
  }
  if (vcpu.leader == nullptr) return levels_.drop(vcpu);
  if (!vcpu.leader->in_order) return;  // put_in() will
  OrderTree::lead(*vcpu.leader, true);
  seat(vcpu);
}

void Processor::put_in(Claim& claim, Time now) {
  OrderTree::lead(claim, claim.carrier->leader == &claim);
  order_.insert(claim, now);
  claim.in_order = true;
  touch_floating(claim.previous);
  if (claim.leads) seat(*claim.carrier);
}

void Processor::seat(Vcpu& vcpu) {
  const auto* before = static_cast<const Claim*>(OrderTree::leader_before(*vcpu.leader));
  levels_.place(vcpu, before == nullptr ? nullptr : before->carrier);
}

// An overdrawn claim keeps its place while the others can spare it (slack.h): one at a time, that with the
// earliest server deadline which is not past, of several by O2. (Not the first in the order: that is still
// the one of the last decision.) Where fixed claims come behind it none is given: their test (admission.h,
// A4) has no slack that could be told.
void Processor::extend_overdrawn(Time now) {
  if (overdrawn_ == 0 || fixed_ > 0 || size_ == 1) return;
  Claim* chosen = nullptr;
  Time deadline = Time::never();
  for (Claim* c = first(); c != nullptr; c = c->behind()) {
    const Time due = c->server.server_deadline(now);
    if (!c->server.overdrawn() || due <= now || due > deadline) continue;
    if (chosen != nullptr && due == deadline && !wins_tie(standing_of(*c), standing_of(*chosen))) continue;
    chosen = c;
    deadline = due;
  }
  if (chosen == nullptr) return;
  demands_->clear();
  for (const Claim* c = first(); c != nullptr; c = c->behind()) demands_->push_back(c->server.demand(now));
  chosen->server.extend(slack(*demands_, now, deadline, *model_));
  if (chosen->server.overdrawn()) return;
  chosen->overdrawn = false;
  --overdrawn_;
  settled_ = std::max(settled_, chosen->server.earliest());
  touch(*chosen);
}

// Where the claim stands now and when it wants to be seen; if that is not where it stood, it leaves the
// order.
void Processor::stand_anew(Claim& claim, Time now) {
  const Standing standing = standing_of(claim);
  const OrderNode* next = claim.next;
  const bool stays = claim.in_order && claim.decided && standing == claim.standing &&
                     (standing.still() || next == nullptr || precedes(standing, next->standing, now));
  if (!stays) {
    if (claim.in_order) lift(claim, now);
    claim.standing = standing;
    claim.decided = true;
  }
  const Look look = claim.server.look(now, size_ == 1);
  const Time moment = std::min(claim.server.next_change(now), claim.passed);
  claim.stale = stays && (look != claim.look || moment != claim.moment);
  claim.look = look;
  claim.moment = moment;
}

// When the claim behind it would come before it, if neither is told anything. It is worth a look if that one
// stands still; in what order two blocked claims are, is seen to when there is a decision anyway.
void Processor::watch(Claim& claim, Time now) {
  if (!claim.standing.still()) {
    const Claim* behind = claim.behind();
    const Time passed = behind == nullptr
                            ? Time::never()
                            : std::max(overtaken(claim.standing, behind->standing), now + nanoseconds(1));
    const bool look = behind != nullptr && behind->standing.still() && !behind_all(behind->standing);
    const Time asked = look ? passed : Time::never();
    if (passed != claim.passed || asked != claim.overtaken) {
      claim.passed = passed;
      claim.overtaken = asked;
      claim.moment = std::min(claim.server.next_change(now), passed);
      claim.stale = true;
    }
  }
  if (claim.stale) order_.update(claim);
  claim.stale = false;
}

// True if claims have got their first budgets.
bool Processor::settle(Time now) {
  if (settled_ <= now) {  // those that were held until then have found out themselves
    if (held_ > 0)
      for (Claim* c = first(); c != nullptr; c = c->behind()) c->held = false;
    held_ = 0;
    settled_ = Time{};
    return false;
  }
  if (order_.uses() > Duration{0}) return false;
  settled_ = Time{};
  if (held_ == 0) return false;
  held_ = 0;
  for (Claim* c = first(); c != nullptr; c = c->behind()) {
    if (!std::exchange(c->held, false)) continue;
    c->server.hold(c->not_before, now);
    touch(*c);
  }
  return true;
}

Time Processor::decide(Time now) {
  order_.due(now, [&](OrderNode& node) { touch(static_cast<Claim&>(node)); });
  touched_.each([&](Claim& c) {
    c.server.advance(now);
    overdrawn_ += (c.server.overdrawn() ? 1u : 0u) - (c.overdrawn ? 1u : 0u);
    c.overdrawn = c.server.overdrawn();
  });
  extend_overdrawn(now);
  // All that moves is taken out first: what stays is in its order, and takes the others back one by one.
  touched_.each([&](Claim& c) { stand_anew(c, now); });
  moved_.each([&](Vcpu& v) { choose_leader(v, now); });
  touched_.each([&](Claim& c) {
    if (!c.in_order) put_in(c, now);
  });
  levels_.settle();
  touched_.each([&](Claim& c) { watch(c, now); });
  touched_.clear();
  moved_.clear();
  activity_known_ = false;
  decided_ = now;
  if (settled_ != Time{} && settle(now)) return decide(now);
  next_ = order_.look(now);
  return next_;
}

Time Processor::missed_look(const Claim& claim, Time now) const {
  // No claim's look is earlier than that of all.
  if (!claim.decided || now - next_ <= kLate) return Time::never();
  return claim.look.by(decided_, order_.uses_before(claim));
}

const Activity& Processor::activity() const {
  if (activity_known_) return activity_;
  activity_ = {};
  for (const Claim* c = first(); c != nullptr; c = c->behind()) activity_.add(*c);
  activity_known_ = true;
  return activity_;
}

std::uint32_t Processor::rank(const Vcpu& vcpu) const {
  return vcpu.leader == nullptr || !vcpu.leader->leads ? 0 : OrderTree::rank(*vcpu.leader);
}

}  // namespace candor::sched
