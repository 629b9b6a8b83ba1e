#include "host/candord.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "host/control_loop.h"
#include "host/host_scheduler.h"
#include "host/job_cost.h"
#include "host/packet.h"
#include "host/processor_loop.h"
#include "os/sched_policy.h"

namespace candor::host {
namespace {

// Setting ranks of other users' threads takes CAP_SYS_NICE, staying in memory
// CAP_IPC_LOCK, and nothing else is needed.
void drop_privileges() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) == 0) {
    const std::uint32_t kept = data[0].permitted & (1u << CAP_SYS_NICE | 1u << CAP_IPC_LOCK);
    data[0] = {.effective = kept, .permitted = kept, .inheritable = 0};
    data[1] = {};
    syscall(SYS_capset, &header, data.data());
    // Nothing on the decision path may wait for a disk. Locked as touched: the areas are large and
    // sparse. Without the privilege the limit on locked memory would make later mappings fail.
    if ((kept & 1u << CAP_IPC_LOCK) != 0) mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// `processor`: where to measure what is not said; negative: nowhere.
sched::ProcessorModel model_of(const AdmissionTerms& terms, int processor, Hello& hello) {
  sched::ProcessorModel model;
  model.limit_ppm = terms.limit_ppm;
  model.job_overhead = terms.job_overhead.value_or(model.job_overhead);
  if (processor >= 0) {
    if (const auto cost = measure_job_cost(processor, kOwnLevel); cost.ok()) {
      model.job_overhead = cost->overhead();
      hello.cost_measured = 1;
    } else {
      hello.cost_error = cost.error();
    }
  }
  hello.job_overhead_ns = model.job_overhead.ns;
  return model;
}

}  // namespace

int run_candord(Fd launcher, const Settings& settings) {
  // What the terminal sends to the whole job is the launcher's to act upon.
  // Nor must it be stopped with the launcher: guests go on, and with them the need for whoever enforces
  // budgets.
  for (const int s : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU})
    std::signal(s, SIG_IGN);
  drop_privileges();

  Hello hello;
  hello.error = probe_ranks(kOwnLevel);
  hello.ranks = hello.error == 0 ? 1 : 0;
  const bool measures =
      hello.ranks != 0 && settings.policy == Policy::kAware && !settings.admission.job_overhead;
  const sched::ProcessorModel model =
      model_of(settings.admission, measures ? settings.processors.front() : -1, hello);
  Duration own_slice;
  hello.slice_error = probe_slices(own_slice);
  // The control thread is ordinary but first among those. With static policies a
  // guest may hold a processor for good, so there it must be real-time to end that.
  setpriority(PRIO_PROCESS, 0, -10);
  const bool ranks = hello.ranks != 0;

  const bool slices = settings.policy == Policy::kAware && settings.slices && hello.slice_error == 0;
  HostScheduler scheduler(settings.policy, settings.processors, ranks, model, slices ? own_slice : Duration{},
                          settings.trace_entries);
  if (const auto opened = scheduler.open(); !opened.ok()) {
    std::fprintf(stderr, "candord: cannot start: %s\n", std::strerror(opened.error()));
    return 1;
  }
  std::vector<ProcessorLoop> loops;
  loops.reserve(scheduler.processors());
  for (std::uint32_t p = 0; p < scheduler.processors(); ++p) {
    auto loop = ProcessorLoop::start(scheduler, p, ranks);
    if (!loop.ok()) {
      std::fprintf(stderr, "candord: cannot run on processor %d: %s\n", scheduler.host_number(p),
                   std::strerror(loop.error()));
      return 1;
    }
    loops.push_back(std::move(*loop));
  }
  if (settings.policy != Policy::kAware && ranks) (void)RankWriter(true).set_fifo(0, kOwnLevel - 1).ok();
  if (!send_packet(launcher.get(), hello, 1000).ok()) return 1;
  ControlLoop(scheduler, std::move(launcher)).run();
  return 0;
}

}  // namespace candor::host
