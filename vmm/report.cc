#include "vmm/report.h"

#include <algorithm>
#include <cstdio>

namespace candor::vmm {

const char* to_string(ExitReason reason) {
  switch (reason) {
    case ExitReason::kShutdown:
      return "shutdown";
    case ExitReason::kStopped:
      return "stopped";
    case ExitReason::kFault:
      return "fault";
    case ExitReason::kHung:
      return "hung";
    case ExitReason::kRefused:
      return "refused";
    case ExitReason::kKilled:
      break;
  }
  return "killed";
}

double latency_quantile(const candor_thread_stats& stats, double fraction) {
  std::uint64_t total = 0;
  for (const std::uint32_t& bucket : stats.latency) total += load(bucket);
  if (total == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total - 1));
  std::uint64_t seen = 0;
  for (unsigned b = 0; b < CANDOR_LATENCY_BUCKETS; b++) {
    seen += load(stats.latency[b]);
    if (seen <= wanted) continue;
    if (b < 64) return b;
    // bucket = 32 * shift + mantissa, with the mantissa from 32 to 63
    const unsigned shift = b / 32 - 1;
    const std::uint64_t mantissa = b % 32 + 32;
    return static_cast<double>(mantissa << shift) + static_cast<double>(1ull << shift) / 2;
  }
  return 0;  // the guest changed its counts between the two passes
}

VmReport checked(const VmReport& report) {
  VmReport r = report;
  if (r.reason > ExitReason::kKilled) r.reason = ExitReason::kKilled;
  std::snprintf(r.detail, sizeof r.detail, "%s", printable(report.detail, sizeof r.detail - 1).c_str());
  r.thread_count = std::min(r.thread_count, std::uint32_t{CANDOR_MAX_THREADS});
  for (std::size_t i = 0; i < CANDOR_MAX_THREADS; i++)
    std::snprintf(r.threads[i].name, sizeof r.threads[i].name, "%s",
                  printable(report.threads[i].name, sizeof r.threads[i].name - 1).c_str());
  return r;
}

void collect_counters(const Area& area, std::uint32_t vcpus, VmReport& report) {
  for (std::uint32_t v = 0; v < vcpus; v++) {
    const candor_guest_vcpu& page = area.vcpu(v);
    report.host_calls += load(page.host_calls);
    report.kicks += load(page.kicks);
    report.upcalls += load(page.upcalls);
    report.publishes += load(page.publishes);
    report.polls += load(page.polls);
    report.poll_hits += load(page.poll_hits);
    report.waits += load(page.waits);
    report.port_accesses += load(page.port_accesses);
  }
  for (std::uint32_t t = 0; t < CANDOR_MAX_THREADS; t++) {
    const candor_thread& slot = area.thread(t);
    const std::uint8_t cls = load(slot.cls);
    if (cls < CANDOR_CLASS_DEADLINE || cls > CANDOR_CLASS_BACKGROUND) continue;
    const candor_thread_stats& stats = area.stats(t);
    ThreadReport& r = report.threads[report.thread_count++];
    std::snprintf(r.name, sizeof r.name, "%s", printable(slot.name, sizeof slot.name).c_str());
    r.cls = cls;
    r.jobs = load(stats.jobs);
    r.skipped = load(stats.skipped);
    r.misses = load(stats.misses);
    r.work_units = load(stats.work_units);
    r.wakeup_p50_us = latency_quantile(stats, 0.5) / 1000;
    r.wakeup_p99_us = latency_quantile(stats, 0.99) / 1000;
    r.wakeup_max_us = static_cast<double>(load(stats.latency_max_ns)) / 1000;
  }
}

}  // namespace candor::vmm
