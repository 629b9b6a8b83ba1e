#include "sched/shares.h"

#include <algorithm>
#include <numeric>

namespace candor::sched {
namespace {

// A vCPU that had work for this part of an interval had work for all of it, but for a wake-up or two.
constexpr double kHungry = 0.9;

// Moving costs a cache. A place that is fuller by less than this part of an interval is as good.
constexpr double kNearlyAsGood = 0.1;

}  // namespace

bool Shares::hungry(const FairUse& use, Duration interval) {
  return static_cast<double>((use.ran + use.waited).ns) >= kHungry * static_cast<double>(interval.ns);
}

Shares::Shares(std::size_t vcpus, std::uint32_t processors) {
  vms_.reserve(vcpus);
  before_.reserve(vcpus);
  wanted_.reserve(vcpus);
  order_.reserve(vcpus);
  placed_.reserve(processors);
  places_.reserve(vcpus);
}

// H1, and what is owed from before.
void Shares::gather(std::span<const FairUse> uses, Duration interval) {
  std::swap(vms_, before_);
  vms_.clear();
  for (const FairUse& use : uses) {
    if (vms_.empty() || vms_.back().id != use.vm) vms_.push_back({.id = use.vm, .weight = use.weight});
    if (!hungry(use, interval)) continue;
    ++vms_.back().hungry;
    vms_.back().got += static_cast<double>(use.ran.ns);
  }
  std::size_t old = 0;
  for (Vm& vm : vms_) {
    while (old < before_.size() && before_[old].id < vm.id) ++old;
    if (old < before_.size() && before_[old].id == vm.id && before_[old].hungry > 0 && vm.hungry > 0)
      vm.owed = before_[old].owed;
  }
}

// H2: caps that bind are found from the smallest cap for its weight on.
void Shares::share_out(Duration most_room) {
  double left = 0, weights = 0;
  order_.clear();
  for (std::uint32_t i = 0; i < vms_.size(); ++i) {
    if (vms_[i].hungry == 0) continue;
    order_.push_back(i);
    left += vms_[i].got;
    weights += vms_[i].weight;
  }
  const auto cap = [&](const Vm& vm) { return static_cast<double>(most_room.ns) * vm.hungry; };
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const double x = cap(vms_[a]) / vms_[a].weight, y = cap(vms_[b]) / vms_[b].weight;
    return x != y ? x < y : a < b;
  });
  const auto most = static_cast<double>(kMostOwed.ns);
  for (const std::uint32_t i : order_) {
    Vm& vm = vms_[i];
    vm.share = std::min(left * vm.weight / weights, cap(vm));
    left -= vm.share;
    weights -= vm.weight;
    vm.owed = std::clamp(vm.owed + vm.share - vm.got, -most, most);
  }
}

std::span<const FairPlace> Shares::decide(std::span<const FairUse> uses, std::span<const Duration> room,
                                          Duration interval) {
  gather(uses, interval);
  share_out(room.empty() ? interval : *std::max_element(room.begin(), room.end()));

  // H4.
  const auto whole = static_cast<double>(interval.ns);
  wanted_.assign(uses.size(), 0);
  places_.assign(uses.size(), FairPlace{});
  std::size_t vm = 0;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    places_[i] = {.processor = kNone, .weight = static_cast<double>(uses[i].weight)};
    while (vms_[vm].id != uses[i].vm) ++vm;
    if (!hungry(uses[i], interval)) continue;
    const double part = (vms_[vm].share + kRepaid * vms_[vm].owed) / vms_[vm].hungry;
    wanted_[i] = std::clamp(part, whole / 100, whole);
  }

  // H5.
  order_.resize(uses.size());
  std::iota(order_.begin(), order_.end(), 0u);
  std::erase_if(order_, [&](std::uint32_t i) { return wanted_[i] == 0; });
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return wanted_[a] != wanted_[b] ? wanted_[a] > wanted_[b] : a < b;
  });
  placed_.assign(room.size(), 0);
  const auto fill = [&](std::uint32_t p) { return placed_[p] - static_cast<double>(room[p].ns); };
  for (const std::uint32_t i : order_) {
    std::uint32_t best = 0;
    for (std::uint32_t p = 1; p < room.size(); ++p)
      if (fill(p) < fill(best)) best = p;
    const std::uint32_t home = uses[i].processor;
    if (home < room.size() && fill(home) <= fill(best) + kNearlyAsGood * whole) best = home;
    placed_[best] += wanted_[i];
    places_[i].processor = best;
  }
  // Where nothing is owed and no cap binds these are the VMs' weights, divided among their vCPUs, so that
  // they compare with those of vCPUs that are not hungry.
  double weights = 0, shares = 0;
  for (const Vm& v : vms_) {
    if (v.hungry == 0) continue;
    weights += v.weight;
    shares += v.share;
  }
  for (const std::uint32_t i : order_)
    if (shares > 0) places_[i].weight = std::max(wanted_[i] * weights / shares, 1.0);
  return places_;
}

}  // namespace candor::sched
