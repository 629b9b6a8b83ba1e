// The contract of a CPU back end: what executes a VM's vCPUs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "os/fd.h"
#include "vmm/image.h"

namespace candor::vmm {

/// What a back end is given. Descriptors stay the caller's.
struct CpuSetup {
  const char* name;    // of the VM
  const Image* image;  // to be loaded into RAM before go()
  int ram_fd;          // memfd of the guest's RAM, sealed
  int area_fd;         // memfd of the shared area, sealed
  int scheduler_bell;  // eventfds: CANDOR_CALL_RING
  int monitor_bell;
  std::uint64_t ram_bytes;
  std::uint32_t vcpus;
  uid_t uid;  // unprivileged identity for guest code; used if the caller is root
};

/// How a VM's guest code came to its end.
struct CpuExit {
  enum class Kind {
    kShutdown,  // CANDOR_CALL_SHUTDOWN
    kFault,     // the vCPU pages say which
    kRefused,   // a system call outside the filter
    kKilled,    // by a signal from outside
    kHost,      // the host could not set it up; `code` is errno or a back end's step
  };
  Kind kind = Kind::kKilled;
  int code = 0;
  std::uint64_t cpu_ns = 0;  // processor time it took in all
};

/// One VM's processors. Created stopped; go() starts all vCPUs at the image's
/// entry. Destroying it ends whatever still runs.
class CpuBackend {
 public:
  virtual ~CpuBackend() = default;

  [[nodiscard]] virtual std::uint32_t features() const = 0;  // CANDOR_FEATURE_* it provides
  [[nodiscard]] virtual std::uint64_t call_entry() const = 0;
  /// Waits until the vCPU threads stand at the start; afterwards process() and tids() are valid.
  [[nodiscard]] virtual Result<Done, std::string> wait_ready() = 0;
  /// The process that guest code runs in.
  [[nodiscard]] virtual pid_t process() const = 0;
  /// Thread ids in this process's PID namespace, by vCPU.
  [[nodiscard]] virtual std::span<const pid_t> tids() const = 0;
  /// What vCPU `index` writes into a lock word it owns.
  [[nodiscard]] virtual std::uint32_t lock_token(std::uint32_t index) const = 0;
  /// There is a while until go(), and image and host page are complete: vCPU 0 may get ready what its guest
  /// will touch first. Optional; returns at once.
  virtual void warm_up() = 0;
  virtual void go() = 0;
  /// Makes a running vCPU look at its `pending` word.
  virtual void kick(std::uint32_t index) = 0;
  virtual void kill() = 0;
  /// Readable once the guest has ended; then reap() tells how.
  [[nodiscard]] virtual int exit_fd() const = 0;
  virtual CpuExit reap() = 0;
};

/// What the process back end needs once for all VMs: its tender, as a sealed memfd.
Result<Fd, std::string> make_process_tender();

/// Starts a tender from `tender_fd`. The host page must be complete before go(),
/// all but candor_host_vcpu.lock_token, which the caller fills in from lock_token().
Result<std::unique_ptr<CpuBackend>, std::string> start_process_backend(const CpuSetup& setup, int tender_fd);

}  // namespace candor::vmm
