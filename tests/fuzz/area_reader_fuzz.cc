// Whatever stands in an area: the reader's copies keep to their bounds, and a
// scheduler that is given them keeps its own.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "host/area_reader.h"
#include "sched/scheduler.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor;
  // The input tiles the guest's part, so that a short one reaches every structure.
  static std::vector<std::uint64_t> words(CANDOR_AREA_BYTES / 8);
  auto* area = reinterpret_cast<std::byte*>(words.data());
  if (size == 0) return 0;
  for (std::size_t at = CANDOR_HOST_BYTES; at < CANDOR_OFF_STATS; at += size)
    std::memcpy(area + at, data, std::min(size, CANDOR_OFF_STATS - at));

  constexpr std::uint32_t vcpus = 4;
  host::AreaReader reader(area, vcpus);
  sched::Scheduler scheduler(2);
  Time now{seconds(1).ns};
  require(scheduler.add_vm(
      1, {.bandwidth_ppm = 800'000, .max_priority = 50, .fair_vcpus = 2, .realtime_vcpus = 2}));
  for (std::uint32_t slot = 0; slot < CANDOR_MAX_THREADS; ++slot) {
    require(reader.thread_name(slot).back() == 0);
    if (const auto terms = reader.terms(slot)) {
      require((terms->serial & 1) == 0);
      (void)scheduler.claim(1, slot, terms->request, now);
    }
    now = now + microseconds(700);
    scheduler.publish(1, slot, reader.job(slot), now);
  }
  for (std::uint32_t v = 0; v < vcpus; ++v) {
    const host::VcpuCopy& copy = reader.vcpu(v);
    require(copy.ready_count <= CANDOR_MAX_READY);
    require(copy.running < CANDOR_MAX_THREADS || copy.running == CANDOR_NO_THREAD);
    for (std::uint32_t i = 0; i < copy.ready_count; ++i) require(copy.ready[i].thread < CANDOR_MAX_THREADS);
    require(reader.vcpu_state(v) <= CANDOR_VCPU_WAITING);
    scheduler.publish_vcpu(1, v,
                           {.state = reader.vcpu_state(v),
                            .running = copy.running,
                            .next_timer = sched::time_of(copy.next_timer_ns),
                            .ready = {copy.ready.data(), copy.ready_count}});
    scheduler.charge(1, v, microseconds(v * 100), now);
  }
  std::vector<sched::RunListItem> list;
  for (int round = 0; round < 3; ++round) {
    now = now + milliseconds(3);
    for (std::uint32_t p = 0; p < 2; ++p) {
      require(scheduler.decide(p, now).next > now);
      require(scheduler.used_ppm(p) <= sched::ProcessorModel{}.limit_ppm);
    }
    scheduler.run_list(now, list);
  }
  return 0;
}
