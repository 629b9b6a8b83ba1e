// The thread that looks after one processor's order: pinned there and above all
// guests' ranks, asleep but for bells and the instants the order asks for.
#pragma once

#include <thread>

#include "base/result.h"
#include "host/host_scheduler.h"
#include "os/fd.h"

namespace candor::host {

class ProcessorLoop {
 public:
  /// Starts the thread; returns once it is where it belongs. Error: errno of what was refused.
  /// `scheduler` outlives this. With ranks false the thread is pinned but ordinary.
  static Result<ProcessorLoop, int> start(HostScheduler& scheduler, std::uint32_t processor, bool ranks);
  ProcessorLoop(ProcessorLoop&&) = default;
  ProcessorLoop& operator=(ProcessorLoop&&) = delete;
  /// Ends the thread.
  ~ProcessorLoop();

 private:
  ProcessorLoop(Fd stop, std::thread thread) : stop_(std::move(stop)), thread_(std::move(thread)) {}
  Fd stop_;
  std::thread thread_;
};

}  // namespace candor::host
