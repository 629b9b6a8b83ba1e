#include "sim/linux/fair_queue.h"

#include <algorithm>

namespace candor::sim {
namespace {

constexpr std::int64_t kScale = 1024;
constexpr std::int64_t kOrdinary = 1600;  // weight

}  // namespace

std::int64_t FairQueue::virtual_slice(const FairEntity& e) const {
  return slice_.ns * kScale * kOrdinary / e.weight;
}

std::int64_t FairQueue::average() const {
  if (members_.empty()) return floor_;
  __int128 sum = 0;
  for (const FairEntity* e : members_) sum += __int128{e->vruntime - floor_} * e->weight;
  const __int128 quotient = sum / load_;
  return floor_ + static_cast<std::int64_t>(sum < 0 && quotient * load_ != sum ? quotient - 1 : quotient);
}

void FairQueue::add(FairEntity& e) {
  const std::int64_t most = 2 * virtual_slice(e);
  std::int64_t lag = std::clamp(e.lag, -most, most);
  const std::int64_t now = average();
  // Its arrival moves the average by its own lag: what is left of it then is what it had.
  if (load_ > 0) lag = static_cast<std::int64_t>(__int128{lag} * (load_ + e.weight) / load_);
  e.vruntime = now - lag;
  e.vdeadline = e.vruntime + virtual_slice(e);
  e.picked = false;
  members_.push_back(&e);
  load_ += e.weight;
}

void FairQueue::remove(FairEntity& e) {
  const std::int64_t now = average();
  e.lag = now - e.vruntime;
  e.picked = false;
  members_.erase(std::find(members_.begin(), members_.end(), &e));
  load_ -= e.weight;
  floor_ = members_.empty() ? std::max(now, e.vruntime) : now;
}

FairEntity* FairQueue::pick(FairEntity* current) {
  const std::int64_t now = average();
  if (current != nullptr && current->picked && current->vruntime <= now) return current;
  FairEntity* best = nullptr;
  for (FairEntity* e : members_) {
    if (e->vruntime > now) continue;
    if (best == nullptr || e->vdeadline < best->vdeadline ||
        (e->vdeadline == best->vdeadline && e->id < best->id))
      best = e;
  }
  if (best != nullptr) best->picked = true;
  if (current != nullptr && current != best) current->picked = false;
  return best;
}

void FairQueue::charge(FairEntity& e, Duration ran) {
  e.vruntime += ran.ns * kScale * kOrdinary / e.weight;
  if (e.vruntime < e.vdeadline) return;
  e.vdeadline = e.vruntime + virtual_slice(e);
  e.picked = false;
}

Duration FairQueue::until_done(const FairEntity& e) const {
  const std::int64_t left = e.vdeadline - e.vruntime;
  return Duration{left * e.weight / (kScale * kOrdinary) + 1};
}

}  // namespace candor::sim
