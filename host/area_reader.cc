#include "host/area_reader.h"

#include <algorithm>
#include <cstring>

namespace candor::host {
namespace {

std::uint32_t load(const std::byte* at) {
  return __atomic_load_n(reinterpret_cast<const std::uint32_t*>(at), __ATOMIC_RELAXED);
}

// Each word is fetched once; all lengths are multiples of 8, as are the offsets.
void copy(void* to, const std::byte* from, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 8) {
    const std::uint64_t word =
        __atomic_load_n(reinterpret_cast<const std::uint64_t*>(from + i), __ATOMIC_RELAXED);
    std::memcpy(static_cast<std::byte*>(to) + i, &word, sizeof word);
  }
}

// True if `take` ran between two equal, even counts.
template <typename Take>
bool snapshot(const std::byte* count, Take take) {
  for (int attempt = 0; attempt < AreaReader::kAttempts; ++attempt) {
    const std::uint32_t before =
        __atomic_load_n(reinterpret_cast<const std::uint32_t*>(count), __ATOMIC_ACQUIRE);
    if ((before & 1) != 0) continue;
    take();
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (load(count) == before) return true;
  }
  return false;
}

constexpr std::size_t kJobLine = offsetof(candor_thread, job_seq);
constexpr std::size_t kPublished = offsetof(candor_guest_vcpu, seq);
constexpr std::size_t kPublishedBytes = offsetof(candor_guest_vcpu, reserved2) - kPublished;
static_assert(kJobLine % 8 == 0 && kPublished % 8 == 0 && kPublishedBytes % 8 == 0);
static_assert(sizeof(candor_ready) % 8 == 0 && offsetof(candor_guest_vcpu, ready) % 8 == 0);

}  // namespace

AreaReader::AreaReader(const std::byte* area, std::uint32_t vcpus)
    : area_(area), vcpus_(std::min(vcpus, CANDOR_MAX_VCPUS)) {}

const std::byte* AreaReader::slot_at(std::uint32_t slot) const {
  if (slot >= CANDOR_MAX_THREADS) __builtin_trap();  // a caller's bug
  return area_ + CANDOR_OFF_THREADS + std::size_t{slot} * sizeof(candor_thread);
}

const std::byte* AreaReader::page_at(std::uint32_t vcpu) const {
  if (vcpu >= vcpus_.size()) __builtin_trap();
  return area_ + CANDOR_OFF_VCPUS + std::size_t{vcpu} * sizeof(candor_guest_vcpu);
}

std::uint32_t AreaReader::serial(std::uint32_t slot) const {
  return load(slot_at(slot) + offsetof(candor_thread, serial));
}

std::optional<TermsCopy> AreaReader::terms(std::uint32_t slot) const {
  const std::byte* at = slot_at(slot);
  candor_thread line{};
  if (!snapshot(at, [&] { copy(&line, at, kJobLine); })) return std::nullopt;
  return TermsCopy{.serial = line.serial,
                   .request = {.cls = line.cls,
                               .priority = line.priority,
                               .budget_ns = line.budget_ns,
                               .period_ns = line.period_ns,
                               .relative_deadline_ns = line.relative_deadline_ns,
                               .blocking_ns = line.blocking_ns}};
}

const sched::JobReport& AreaReader::job(std::uint32_t slot) {
  const std::byte* at = slot_at(slot) + kJobLine;
  candor_thread line{};
  if (snapshot(at, [&] { copy(&line.job_seq, at, sizeof(candor_thread) - kJobLine); }))
    jobs_[slot] = {.state = line.state,
                   .release_ns = line.release_ns,
                   .deadline_ns = line.deadline_ns,
                   .expected_ns = line.expected_ns,
                   .job = line.job};
  return jobs_[slot];
}

const VcpuCopy& AreaReader::vcpu(std::uint32_t vcpu) {
  const std::byte* page = page_at(vcpu);
  struct {
    std::uint32_t seq, running, ready_count, next_thread;
    std::uint64_t next_timer_ns;
  } line{};
  static_assert(sizeof line == kPublishedBytes);
  std::array<candor_ready, CANDOR_MAX_READY> ready;
  std::uint32_t count = 0;
  const bool good = snapshot(page + kPublished, [&] {
    copy(&line, page + kPublished, kPublishedBytes);
    count = std::min(line.ready_count, CANDOR_MAX_READY);
    copy(ready.data(), page + offsetof(candor_guest_vcpu, ready), count * sizeof(candor_ready));
  });
  VcpuCopy& last = vcpus_[vcpu];
  if (!good || line.seq == 0) return last;  // 0: it has not said anything yet
  last.running = line.running < CANDOR_MAX_THREADS ? line.running : CANDOR_NO_THREAD;
  last.next_thread = line.next_thread < CANDOR_MAX_THREADS ? line.next_thread : CANDOR_NO_THREAD;
  last.next_timer_ns = line.next_timer_ns;
  last.ready_count = 0;
  for (std::uint32_t i = 0; i < count; ++i)
    if (ready[i].thread < CANDOR_MAX_THREADS) last.ready[last.ready_count++] = ready[i];
  return last;
}

std::uint32_t AreaReader::vcpu_state(std::uint32_t vcpu) const {
  const std::uint32_t state = load(page_at(vcpu) + offsetof(candor_guest_vcpu, state));
  const bool idle = state == CANDOR_VCPU_POLLING || state == CANDOR_VCPU_WAITING;
  return idle ? state : static_cast<std::uint32_t>(CANDOR_VCPU_RUNNING);
}

std::array<char, CANDOR_NAME_BYTES> AreaReader::thread_name(std::uint32_t slot) const {
  candor_thread line{};
  copy(&line, slot_at(slot), kJobLine);
  std::array<char, CANDOR_NAME_BYTES> name{};
  for (std::size_t i = 0; i + 1 < name.size() && line.name[i] != 0; ++i)
    name[i] = line.name[i] >= ' ' && line.name[i] <= '~' ? line.name[i] : '?';
  return name;
}

}  // namespace candor::host
