#include "guest/periodic.h"

#include "guest/claim.h"
#include "guest/histogram.h"
#include "guest/vcpu.h"

namespace candor {

using namespace kernel;

namespace {

void count_end(ThreadControl& self, Time t) {
  self.in_job = false;
  if (!self.job_counts || Vcpu::here().finished()) return;
  count(self.stats->jobs);
  if (t > self.job_deadline) count(self.stats->misses);
}

void count_start(ThreadControl& self, Duration latency) {
  if (!self.job_counts) return;
  candor_thread_stats& s = *self.stats;
  const auto ns = static_cast<std::uint64_t>(latency.ns > 0 ? latency.ns : 0);
  std::uint32_t& bucket = s.latency[latency_bucket(ns)];
  put(bucket, bucket + 1);
  count(s.latency_count);
  if (ns > s.latency_max_ns) put(s.latency_max_ns, ns);
}

}  // namespace

Periodic::Periodic(Duration period, Duration relative_deadline, Time start) {
  Masked masked;
  Vcpu::here().current().grid = Grid(start, period, relative_deadline);
}

Periodic::~Periodic() {
  Masked masked;
  ThreadControl& self = Vcpu::here().current();
  const Time stop = unwire(peek(host_page().stop_ns)), t = now();
  if (self.in_job) count_end(self, t);
  count(self.stats->skipped, static_cast<std::uint64_t>(self.grid.finish(stop < t ? stop : t)));
  self.grid = Grid();
}

bool Periodic::wait_next() {
  Masked masked;
  ThreadControl& self = Vcpu::here().current();
  const bool ended = self.in_job;
  Time t = now();
  if (ended) count_end(self, t);
  const auto over = [&self] {
    return kernel::kernel.ending.load(std::memory_order_relaxed) ||
           self.cancelled.load(std::memory_order_relaxed);
  };
  if (over()) return false;

  const Time stop = unwire(peek(host_page().stop_ns));
  count(self.stats->skipped, static_cast<std::uint64_t>(self.grid.skip_overdue(t, stop)));
  release_ = self.grid.release(self.grid.next());
  deadline_ = self.grid.deadline(self.grid.next());
  self.job_deadline = deadline_;
  if (self.reserve.active()) self.reserve.release(release_, self.cpu.used(t));
  if (self.terms.cls == CANDOR_CLASS_DEADLINE) Vcpu::here().set_base_rank(self, rank_of(self));
  if (ended) Vcpu::here().job_ended();

  if (t < release_) {
    while (t < release_ && !self.cancelled.load(std::memory_order_relaxed)) {
      Vcpu::block(release_, deadline_);
      t = now();
    }
  } else {
    // Due already; but with its new deadline others may come first.
    publish_job(self, CANDOR_THREAD_READY, release_, deadline_);
    Vcpu::here().schedule();
    t = now();
  }
  if (over()) return false;
  self.grid.take();
  self.in_job = true;
  self.job_counts = release_ < stop && !Vcpu::here().finished();
  count_start(self, t - release_);
  return true;
}

}  // namespace candor
