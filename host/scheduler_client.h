// The launcher's end of candord. Starts it and talks to it; every call is
// bounded in time and survives candord's death with an error.
//
// Context: a process with one thread (the scheduler's process is a fork of it).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "host/packet.h"
#include "host/protocol.h"
#include "os/fd.h"

namespace candor::host {

class SchedulerClient {
 public:
  /// Starts candord. Its processors must be some that this process may use.
  static Result<SchedulerClient, std::string> spawn(const Settings& settings);
  SchedulerClient(SchedulerClient&&) noexcept;
  SchedulerClient& operator=(SchedulerClient&&) = delete;
  /// Kills candord if it still runs. Threads that hold ranks keep them: quit() first.
  ~SchedulerClient();

  /// Whether this host lets candord set real-time ranks; if not, the errno that says why.
  [[nodiscard]] bool ranks() const { return hello_.ranks != 0; }
  [[nodiscard]] int rank_error() const { return hello_.error; }
  /// What admission counts for each job besides its budget, whether that was measured, and if it
  /// should have been and was not, why not (errno).
  [[nodiscard]] Duration job_overhead() const { return nanoseconds(hello_.job_overhead_ns); }
  [[nodiscard]] bool overhead_measured() const { return hello_.cost_measured != 0; }
  [[nodiscard]] int overhead_error() const { return hello_.cost_error; }
  /// 0 if this host's kernel obeys slices of ordinary threads, else the errno that says why not; EOPNOTSUPP
  /// before Linux 6.12.
  [[nodiscard]] int slice_error() const { return hello_.slice_error; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Readable once candord is dead. VM processes watch a copy.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] int socket() const { return socket_.get(); }

  /// Announces a VM whose process is running. `end` is candord's end of a SOCK_SEQPACKET
  /// pair; the VM process registers on the other (registration.h). The caller still owns and closes `end`.
  Result<Done, std::string> add_vm(const AddVm& vm, int end);
  /// Returns once the VM's ranks are taken back.
  Result<Done, std::string> remove_vm(std::uint32_t vm);
  /// Takes every rank back, for good. Afterwards candord sets none any more, be it that
  /// it has acknowledged or that it is dead; in the latter case the error says so, and ranks
  /// are left for the VM processes to give up.
  Result<Done, std::string> demote();
  Result<std::vector<RunListEntry>, std::string> run_list();
  /// What the scheduler did since the last call, if it was started with room for a trace.
  struct Trace {
    std::vector<TraceEvent> events;  // oldest first
    std::uint64_t lost = 0;          // before these, since the last call
  };
  Result<Trace, std::string> trace();
  Result<Stats, std::string> stats();
  /// Ends candord, all ranks taken back, and waits for it. Its last figures, with all of its processor time.
  Result<Stats, std::string> quit();

 private:
  SchedulerClient(pid_t pid, Fd pidfd, Fd socket)
      : pid_(pid), pidfd_(std::move(pidfd)), socket_(std::move(socket)) {}
  Result<Done, std::string> ask(MessageType type, std::uint32_t vm);
  Result<Packet, std::string> reply(MessageType type, int timeout_ms);
  Result<Done, std::string> acknowledged(MessageType type, std::uint32_t vm, int timeout_ms);
  std::uint64_t reap();

  pid_t pid_;
  Fd pidfd_;
  Fd socket_;
  Hello hello_;
  std::uint64_t traced_ = 0;  // events taken and lost so far
};

}  // namespace candor::host
