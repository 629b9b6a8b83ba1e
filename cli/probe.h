// Questions that only an attempt answers. Each attempt is made in a short-lived
// child process, so that neither a changed scheduling class nor a guest that
// never returns can stay behind.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/time.h"

namespace candor::cli {

/// Runs `probe` in a child process and returns its answer; nothing if the child
/// died or had to be killed when `limit` had passed.
std::optional<std::int64_t> ask_child(const std::function<std::int64_t()>& probe, Duration limit);

// Each of these returns 0 or the errno of the attempt (ETIMEDOUT: no answer).

/// A SCHED_FIFO rank of `level`.
int probe_fifo(int level);
/// SCHED_DEADLINE for a thread pinned to processor `cpu`, or to none.
int probe_deadline(std::optional<int> cpu);
/// A slice of its own for an ordinary thread.
int probe_slice();
/// A PID namespace of its own; in a user namespace where the caller is not root.
int probe_pid_namespace();
/// A seccomp filter.
int probe_seccomp();

struct KvmFacts {
  enum class Step { kOpen, kCreateVm, kRun, kDone };
  Step reached = Step::kOpen;  // kDone: everything worked
  int error = 0;               // errno at the step reached otherwise; ETIMEDOUT: killed after 2 s
  double ns_per_turn = 0;      // of a two-instruction loop in guest supervisor mode

  /// Hardware takes 0.3 to 3 ns, an emulated lab 6 ns; hosts that emulate guest
  /// supervisor code one instruction at a time take 1000 ns and more.
  static constexpr double kUsableNs = 20;
  [[nodiscard]] bool usable() const { return reached == Step::kDone && ns_per_turn < kUsableNs; }
};

/// Opening /dev/kvm proves nothing, so this runs a guest and times it.
KvmFacts probe_kvm();

}  // namespace candor::cli
