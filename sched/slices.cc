#include "sched/slices.h"

namespace candor::sched {
namespace {

// The shortest step that holds `request`, which is above zero; zero if none below `ordinary` does.
Duration step_for(Duration request, Duration ordinary) {
  Duration step = kShortestSlice;
  while (step < request && step < ordinary) step = step * 2;
  return step < ordinary ? step : Duration{};
}

}  // namespace

void SliceRequest::add(std::uint64_t expected_ns) {
  unknown_ = unknown_ || expected_ns == 0;
  const auto most = static_cast<std::uint64_t>(kLongest.ns);
  const Duration sum = total_.value_or(Duration{}) +
                       Duration{static_cast<std::int64_t>(expected_ns < most ? expected_ns : most)};
  total_ = unknown_ ? Duration{} : sum < kLongest ? sum : kLongest;
}

bool sleeps(Duration ran, Duration waited, Duration interval) {
  return interval.ns - ran.ns - waited.ns >= interval.ns / 5;
}

Duration next_slice(std::optional<Duration> request, bool sleeps, Duration now, Duration ordinary) {
  if (!sleeps) return {};
  const bool good = now >= kShortestSlice && now < ordinary;
  if (!request.has_value()) return good ? now : Duration{};
  if (*request <= Duration{0} || *request > SliceRequest::kLongest) return {};
  const Duration wanted = step_for(*request, ordinary);
  // Z3. The kernel's own slice is the longest.
  const Duration present = good ? now : ordinary;
  if (wanted == Duration{} || wanted >= present) return wanted;
  const Duration with_room = step_for(*request + Duration{request->ns / 8 + 1}, ordinary);
  if (with_room == Duration{} || with_room >= present) return good ? now : Duration{};
  return with_room;
}

}  // namespace candor::sched
