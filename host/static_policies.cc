// What people do without a host scheduler, for comparison: the vCPUs of a VM
// with a real-time entitlement are all real-time, throughout, and nobody
// watches. Their guests are offered no scheduler, so they schedule by themselves.
#include <cerrno>
#include <cstring>

#include "host/host_scheduler.h"

namespace candor::host {
namespace {

std::string milliseconds_text(Duration d) {
  std::string text = std::to_string(static_cast<double>(d.ns) / 1e6);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " ms";
}

std::string why_no_deadline(int error) {
  switch (error) {
    case EPERM:
      return "not for pinned threads; let this VM float, or give its processors an exclusive cpuset";
    case EBUSY:
      return "the kernel admits up to 95 % of a processor in all; lower the VMs' bandwidths";
    case EINVAL:
      return "the kernel wants runtime >= 1 us and period >= 100 us; change bandwidth or period";
    default:
      return "unexpected; see sched_setattr(2)";
  }
}

}  // namespace

int HostScheduler::static_level(const Vm& vm) const {
  const int priority = static_cast<int>(vm.terms.max_priority > 0 ? vm.terms.max_priority : 1);
  return levels_.lowest + (priority - 1) * (levels_.highest - levels_.lowest) / 98;
}

Result<Done, std::string> HostScheduler::impose_static(Vm& vm) {
  if (vm.terms.bandwidth_ppm == 0 || !ranks_.permitted()) return Done{};
  const bool deadline = policy_ == Policy::kStaticDeadline;
  const auto count = static_cast<std::int64_t>(vm.vcpus.size());
  const Duration period{static_cast<std::int64_t>(vm.terms.period_ns)};
  if (deadline && (vm.terms.period_ns == 0 || period > sched::kMaxPeriod))
    return Error{std::string("static-dl needs a period of up to 60 s for this VM")};
  const Duration runtime{period.ns / 1'000'000 * vm.terms.bandwidth_ppm / count +
                         period.ns % 1'000'000 * vm.terms.bandwidth_ppm / 1'000'000 / count};
  for (std::size_t v = 0; v < vm.vcpus.size(); ++v) {
    const Vcpu& vcpu = vm.vcpus[v];
    const auto done = deadline ? ranks_.set_deadline(vcpu.tid, runtime, period)
                               : ranks_.set_fifo(vcpu.tid, static_level(vm));
    if (done.ok()) continue;
    const std::string wish =
        deadline ? "SCHED_DEADLINE with " + milliseconds_text(runtime) + " every " + milliseconds_text(period)
                 : "SCHED_FIFO at level " + std::to_string(static_level(vm));
    return Error{"vCPU " + std::to_string(v) + " cannot be " + wish + ": " + strerrorname_np(done.error()) +
                 (deadline ? ", " + why_no_deadline(done.error()) : "")};
  }
  return Done{};
}

}  // namespace candor::host
