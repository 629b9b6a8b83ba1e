// What a vCPU may know of the other claims of its processor, in a form that answers for each vCPU without a
// visit to each claim.
#pragma once

#include <algorithm>

#include "sched/claim.h"

namespace candor::sched {

/// Is there one of these beside a given one?
template <typename T>
class Those {
 public:
  void add(const T& t) {
    several_ = several_ || (one_ != nullptr && one_ != &t);
    one_ = &t;
  }
  [[nodiscard]] bool beside(const T& t) const { return several_ || (one_ != nullptr && one_ != &t); }

 private:
  const T* one_ = nullptr;
  bool several_ = false;
};

class Activity {
 public:
  /// In the sequence of the order.
  void add(const Claim& claim) {
    if (claim.server.active()) {
      vms_.add(*claim.vm);
      vcpus_.add(*claim.carrier);
      if (first_ == nullptr && !claim.server.exhausted()) first_ = &claim;
      return;
    }
    const Time release = claim.server.release(Time{0});
    if (claim.carrier == next_) {
      earliest_ = std::min(earliest_, release);
    } else if (release < earliest_) {
      of_others_ = earliest_;
      earliest_ = release;
      next_ = claim.carrier;
    } else {
      of_others_ = std::min(of_others_, release);
    }
  }

  /// The first claim that is active and not exhausted, or null.
  [[nodiscard]] const Claim* first() const { return first_; }
  /// Is a claim of another VM active?
  [[nodiscard]] bool beside(const Vm& vm) const { return vms_.beside(vm); }
  /// From when on a claim that another vCPU carries is active; never() if there is none.
  [[nodiscard]] Time beside(const Vcpu& vcpu, Time now) const {
    if (vcpus_.beside(vcpu)) return now;
    return std::max(&vcpu == next_ ? of_others_ : earliest_, now);
  }

 private:
  const Claim* first_ = nullptr;
  Those<Vm> vms_;      // with an active claim
  Those<Vcpu> vcpus_;  // that carry one
  // Of claims that are not active: the earliest release, whose that is, and the earliest of all other vCPUs.
  Time earliest_ = Time::never();
  Time of_others_ = Time::never();
  const Vcpu* next_ = nullptr;
};

}  // namespace candor::sched
