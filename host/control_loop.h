// candord's control thread: the launcher's requests, registrations, and the
// death of tenders.
#pragma once

#include <map>

#include "host/host_scheduler.h"
#include "host/packet.h"
#include "host/protocol.h"
#include "os/fd.h"

namespace candor::host {

class ControlLoop {
 public:
  ControlLoop(HostScheduler& scheduler, Fd launcher);
  /// Until the launcher says Quit or is gone. No rank is left behind.
  void run();

 private:
  // A VM the launcher has announced. It may register once.
  struct Announced {
    AddVm terms;
    Fd socket;
    Fd tender;  // pidfd; open once registered
  };
  enum class Source : std::uint32_t { kLauncher, kRefresh, kVm, kTender };

  void watch(int fd, Source source, std::uint32_t vm) const;
  [[nodiscard]] bool serve_launcher();  // false: the end
  void add_vm(Packet& packet);
  void forget(std::uint32_t vm);
  void serve_vm(std::uint32_t vm);
  void send_run_list();
  void send_trace();
  void acknowledge(std::uint32_t vm);
  void refresh();
  void set_refresh(Duration interval);  // 0: not at all

  HostScheduler& scheduler_;
  Fd launcher_;
  Fd epoll_;
  Fd refresh_;
  Duration refresh_interval_;
  Time stolen_;  // when stolen time was told last
  std::map<std::uint32_t, Announced> vms_;
};

}  // namespace candor::host
