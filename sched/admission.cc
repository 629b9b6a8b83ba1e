#include "sched/admission.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace candor::sched {
namespace {

// Keeps sums of work within 64 bits, however many claims.
constexpr std::int64_t kMaxBusyNs = seconds(600).ns;

/// Takes a round over all claims from what is left; false when that is not enough.
class Steps {
 public:
  [[nodiscard]] bool take(std::size_t claims) {
    taken_ += static_cast<std::int64_t>(claims);
    return taken_ <= kMaxSteps;
  }
  [[nodiscard]] std::int64_t taken() const { return taken_; }

 private:
  std::int64_t taken_ = 0;
};

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Exact tests on one processor.
class Tests {
 public:
  Tests(std::span<const Terms> claims, const ProcessorModel& model) : claims_(claims), model_(model) {}
  bool demand_fits(Steps& steps) const;
  bool response_fits(std::size_t index, Steps& steps) const;

 private:
  // What a job, and those it waits for, hold the others up by at most.
  std::int64_t use_of(const Terms& t) const { return (t.limit + model_.job_overhead).ns; }
  // How long work takes on a processor as fast as the ceiling.
  std::int64_t slowed(std::int64_t work) const {
    return static_cast<std::int64_t>((__int128{work} * 1'000'000 + model_.ceiling_ppm - 1) /
                                     model_.ceiling_ppm);
  }
  std::int64_t demand(std::int64_t t) const;
  std::int64_t last_deadline_before(std::int64_t t) const;

  std::span<const Terms> claims_;
  const ProcessorModel& model_;
};

bool is_deadline(const Terms& t) {
  return t.cls == CANDOR_CLASS_DEADLINE;
}

std::int64_t Tests::demand(std::int64_t t) const {
  std::int64_t sum = 0;
  for (const Terms& c : claims_) {
    if (!is_deadline(c) || t < c.relative_deadline.ns) continue;
    sum += ((t - c.relative_deadline.ns) / c.period.ns + 1) * use_of(c);
  }
  return slowed(sum);
}

// The latest absolute deadline before t in the synchronous schedule, or -1.
std::int64_t Tests::last_deadline_before(std::int64_t t) const {
  std::int64_t best = -1;
  for (const Terms& c : claims_) {
    if (!is_deadline(c) || c.relative_deadline.ns >= t) continue;
    const std::int64_t k = (t - 1 - c.relative_deadline.ns) / c.period.ns;
    best = std::max(best, k * c.period.ns + c.relative_deadline.ns);
  }
  return best;
}

// A3 by quick processor-demand analysis (Zhang and Burns 2009): walk back from
// the last point that could fail; each step skips the points demand() rules out.
bool Tests::demand_fits(Steps& steps) const {
  bool constrained = false;
  std::int64_t shortest = 0;
  for (const Terms& c : claims_) {
    if (!is_deadline(c)) continue;
    constrained |= c.relative_deadline < c.period;
    if (shortest == 0 || c.relative_deadline.ns < shortest) shortest = c.relative_deadline.ns;
  }
  if (!constrained) return true;  // then A2 is exact
  // No point fails beyond the end of the synchronous busy interval.
  std::int64_t busy = 0;
  for (const Terms& c : claims_)
    if (is_deadline(c)) busy += use_of(c);
  busy = slowed(busy);
  for (;;) {
    if (!steps.take(claims_.size())) return false;
    std::int64_t next = 0;
    for (const Terms& c : claims_)
      if (is_deadline(c)) next += ceil_div(busy, c.period.ns) * use_of(c);
    next = slowed(next);
    if (next > kMaxBusyNs) return false;
    if (next == busy) break;
    busy = next;
  }
  std::int64_t t = last_deadline_before(busy + 1);
  while (t >= shortest) {
    if (!steps.take(2 * claims_.size())) return false;
    const std::int64_t need = demand(t);
    if (need > t) return false;
    t = need < t && need >= shortest ? std::max(need, shortest) : last_deadline_before(t);
    if (need < shortest) break;  // nothing earlier demands anything
  }
  return true;
}

bool Tests::response_fits(std::size_t index, Steps& steps) const {
  const Terms& own = claims_[index];
  std::int64_t response = slowed(use_of(own));
  while (steps.take(claims_.size())) {
    if (response > own.relative_deadline.ns) return false;
    std::int64_t work = use_of(own);
    for (std::size_t i = 0; i < claims_.size(); ++i) {
      if (i == index || (!is_deadline(claims_[i]) && claims_[i].priority < own.priority)) continue;
      work += ceil_div(response, claims_[i].period.ns) * use_of(claims_[i]);
    }
    const std::int64_t next = slowed(work);
    if (next == response) return true;
    response = next;
  }
  return false;
}

}  // namespace

Result<Terms, candor_refusal> check_request(const ClaimRequest& r, const ProcessorModel& model) {
  const bool deadline = r.cls == CANDOR_CLASS_DEADLINE;
  const bool fixed = r.cls == CANDOR_CLASS_FIXED;
  const std::uint64_t relative = r.relative_deadline_ns == 0 ? r.period_ns : r.relative_deadline_ns;
  const bool sound = (deadline || (fixed && r.priority >= 1 && r.priority <= 99)) &&
                     r.period_ns >= static_cast<std::uint64_t>(kMinPeriod.ns) &&
                     r.period_ns <= static_cast<std::uint64_t>(kMaxPeriod.ns) && r.budget_ns > 0 &&
                     r.budget_ns <= relative && relative <= r.period_ns &&
                     r.blocking_ns <= relative - r.budget_ns;
  if (!sound) return Error{CANDOR_REFUSED_INVALID};
  return model.bound({.cls = deadline ? CANDOR_CLASS_DEADLINE : CANDOR_CLASS_FIXED,
                      .priority = deadline ? 0 : r.priority,
                      .budget = {static_cast<std::int64_t>(r.budget_ns)},
                      .period = {static_cast<std::int64_t>(r.period_ns)},
                      .relative_deadline = {static_cast<std::int64_t>(relative)},
                      .blocking = {static_cast<std::int64_t>(r.blocking_ns)}});
}

bool processor_holds(std::span<const Terms> claims, const ProcessorModel& model, std::int64_t* steps_taken) {
  std::uint64_t sum = 0, use = 0;
  for (const Terms& c : claims) {
    sum += ppm_of(c.reserve(), c.period);
    use += ppm_of(c.limit + model.job_overhead, c.period);
  }
  if (sum > model.limit_ppm || use > model.ceiling_ppm) return false;
  const Tests tests(claims, model);
  Steps steps;
  bool holds = tests.demand_fits(steps);
  for (std::size_t i = 0; holds && i < claims.size(); ++i)
    if (!is_deadline(claims[i])) holds = tests.response_fits(i, steps);
  if (steps_taken != nullptr) *steps_taken = steps.taken();
  return holds;
}

FitReport entitlements_fit(std::span<const Entitlement> vms, std::uint32_t processors,
                           const ProcessorModel& model) {
  FitReport report;
  for (const Entitlement& vm : vms) report.sum_ppm += vm.bandwidth_ppm;
  report.limit_ppm = std::uint64_t{processors} * model.limit_ppm;
  if (report.sum_ppm > report.limit_ppm) {
    report.misfit = Misfit::kSum;
    return report;
  }
  for (std::uint32_t i = 0; i < vms.size(); ++i) {
    const std::uint64_t room = std::uint64_t{vms[i].realtime_vcpus} * model.limit_ppm;
    if (vms[i].bandwidth_ppm <= room) continue;
    report.misfit = Misfit::kVm;
    report.vm = i;
    report.limit_ppm = room;
    return report;
  }
  const auto part = [&](std::uint32_t i) {
    const std::uint32_t parts = std::max(vms[i].realtime_vcpus, 1u);
    return static_cast<std::uint32_t>((std::uint64_t{vms[i].bandwidth_ppm} + parts - 1) / parts);
  };
  std::vector<std::uint32_t> largest_first(vms.size());
  std::iota(largest_first.begin(), largest_first.end(), 0u);
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return part(a) > part(b); });
  std::vector<std::uint32_t> used(processors);
  for (const std::uint32_t vm : largest_first) {
    if (part(vm) == 0) break;
    for (std::uint32_t v = 0; v < vms[vm].realtime_vcpus; ++v) {
      const auto room = std::find_if(used.begin(), used.end(),
                                     [&](std::uint32_t u) { return u + part(vm) <= model.limit_ppm; });
      if (room == used.end()) {
        report.misfit = Misfit::kPacking;
        report.vm = vm;
        return report;
      }
      *room += part(vm);
    }
  }
  return report;
}

}  // namespace candor::sched
