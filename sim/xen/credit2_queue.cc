#include "sim/xen/credit2_queue.h"

#include <algorithm>

namespace candor::sim {
namespace {

constexpr double kWindow = 1 << 30;

}  // namespace

double LoadAverage::at(Time now) const {
  const double part = std::min(static_cast<double>((now - since_).ns) / kWindow, 1.0);
  return average_ + part * (load_ - average_);
}

void LoadAverage::change(double load, Time now) {
  average_ = at(now);
  load_ = load;
  since_ = now;
}

void LoadAverage::shift(double by) {
  average_ = std::max(average_ + by, 0.0);
}

std::uint32_t Credit2Queue::after(std::uint32_t processor) const {
  return processor + 1 == first_ + count_ ? first_ : processor + 1;
}

std::uint32_t Credit2Queue::next_processor() {
  const std::uint32_t processor = next_;
  next_ = after(next_);
  return processor;
}

void Credit2Queue::assign(Credit2Unit& unit, Time now) {
  unit.queue = this;
  unit.processor = next_processor();
  members_.push_back(&unit);
  greatest_weight_ = std::max(greatest_weight_, unit.weight);
  load.change(load.load(), now);
  load.shift(unit.load.at(now));
}

void Credit2Queue::remove(Credit2Unit& unit, Time now) {
  std::erase(members_, &unit);
  greatest_weight_ = 1;
  for (const Credit2Unit* m : members_) greatest_weight_ = std::max(greatest_weight_, m->weight);
  load.change(load.load(), now);
  load.shift(-unit.load.at(now));
  unit.queue = nullptr;
}

void Credit2Queue::insert(Credit2Unit& unit) {
  const auto at =
      std::find_if(waiting_.begin(), waiting_.end(), [&](auto* w) { return w->credit < unit.credit; });
  waiting_.insert(at, &unit);
}

void Credit2Queue::erase(Credit2Unit& unit) {
  std::erase(waiting_, &unit);
}

void Credit2Queue::burn(Credit2Unit& unit, Duration ran) const {
  const std::int64_t burnt = ran.ns * greatest_weight_ + unit.residual;
  unit.residual = burnt % unit.weight;
  unit.credit = std::max(unit.credit - Duration{burnt / unit.weight}, kLeast);
}

Duration Credit2Queue::time_of(const Credit2Unit& unit, Duration credit) const {
  return {credit.ns * unit.weight / greatest_weight_};
}

void Credit2Queue::reset(const Credit2Unit& next) {
  const Duration more = next.credit == kLeast ? kInitial * 2 : kInitial;
  for (Credit2Unit* m : members_) m->credit = std::min(m->credit + more, kInitial + kCarryover);
}

}  // namespace candor::sim
