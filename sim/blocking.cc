#include "sim/blocking.h"

#include <algorithm>
#include <vector>

namespace candor::sim {
namespace {

class Sections {
 public:
  explicit Sections(const VmSpec& vm) : vm_(vm) {}

  // The longest that a thread waits for this lock.
  Duration wait(const ThreadSpec& waiting, std::uint32_t lock) {
    // One whose holders wait for it themselves is a deadlock, not a bound.
    if (std::find(under_way_.begin(), under_way_.end(), lock) != under_way_.end()) return {};
    under_way_.push_back(lock);
    Duration longest;
    for (const ThreadSpec& holder : vm_.threads) {
      if (&holder == &waiting) continue;
      for (std::size_t i = 0; i < holder.steps.size(); ++i)
        if (holder.steps[i].kind == Step::Kind::kLock && holder.steps[i].target == lock)
          longest = std::max(longest, section(holder, i));
    }
    under_way_.pop_back();
    return longest;
  }

 private:
  // From the step that takes a lock to that which gives it back.
  Duration section(const ThreadSpec& holder, std::size_t taken) {
    const std::uint32_t lock = holder.steps[taken].target;
    Duration time;
    for (std::size_t i = taken + 1; i < holder.steps.size(); ++i) {
      const Step& step = holder.steps[i];
      if (step.kind == Step::Kind::kUnlock && step.target == lock) break;
      time += step.kind == Step::Kind::kLock ? wait(holder, step.target) : step.time;
    }
    return time;
  }

  const VmSpec& vm_;
  std::vector<std::uint32_t> under_way_;
};

}  // namespace

Duration claimed_blocking(const VmSpec& vm, std::size_t thread) {
  const ThreadSpec& spec = vm.threads[thread];
  if (spec.blocking >= Duration{}) return spec.blocking;
  Sections sections(vm);
  Duration most, job;
  for (const Step& step : spec.steps) {
    if (step.kind == Step::Kind::kEnd) job = {};
    if (step.kind == Step::Kind::kLock) job += sections.wait(spec, step.target);
    most = std::max(most, job);
  }
  return most;
}

}  // namespace candor::sim
